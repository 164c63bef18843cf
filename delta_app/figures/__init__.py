"""Records to Plotly figures. Pure functions; colours of methods come from `Variant.color` alone."""
