"""Comparison of finished runs: shared and differing settings, rankings, and their statistical confidence.

It reads the files in the runs' folders and needs neither torch nor a GPU.
"""
