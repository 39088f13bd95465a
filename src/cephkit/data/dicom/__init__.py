"""DICOM films: grey pixels as a viewer shows them, the pixel size and who says so, and nothing of the patient."""
