"""The parts of the Fine-tune page: its values, its three steps and the panel beside them."""
