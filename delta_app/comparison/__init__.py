"""Runs side by side: which settings differ, and on which pictures they disagree."""
