"""Fine-tune: three steps on the left, what was found on the right, Start always in reach."""

from delta_app.ui.fine_tune import page

page.draw()
