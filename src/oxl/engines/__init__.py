"""The engines know revenue and know no HTTP; each calls only engines to its left, catalog being leftmost."""
