"""Runs side by side: what they share, where they differ, which is better and how sure that is.

It reads what runs have left in their folders; it needs neither torch nor a GPU.
"""
