"""Delta App: fine-tune pretrained image classifiers with L2, L2-SP and DELTA, and look inside."""

__version__ = "0.1.0"
