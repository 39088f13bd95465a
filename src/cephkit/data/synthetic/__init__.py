"""Synthetic lateral cephalograms in the Aariz layout: faces of real proportions, drawn by a program.

Shapes, machines and CVM stages are drawn from ``aariz_faces.json``, derived from the Aariz annotations: Khalid et al.,
"A benchmark dataset for automatic cephalometric landmark detection and CVM stage classification", Scientific Data
12:1336, 2025, CC BY 4.0, DOI 10.6084/m9.figshare.27986417. None of its pictures is used.
"""
