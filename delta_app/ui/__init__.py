"""The pages' building blocks; the only package that knows Streamlit."""

from delta_app import openmp

openmp.let_threads_sleep()  # the app may be started past __main__, and no page has torch yet
