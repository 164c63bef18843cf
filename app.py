"""Delta App's frame: page config, navigation and the strip in the sidebar; nothing else."""

import streamlit as st

from delta_app.ui import frame, navigation
from delta_app.ui.messages import store_trouble_said

st.set_page_config(
    page_title="Delta App", page_icon=frame.ICON, layout="wide", initial_sidebar_state=230
)
st.logo(frame.WORDMARK, icon_image=frame.MARK)
frame.begin()
page = st.navigation(navigation.sections())
frame.sidebar_strip()
store_trouble_said(page.run)()
