"""Tests of ``cephkit review`` as people use it: a real server, a real page in Chromium."""
