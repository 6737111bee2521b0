"""From closed usage windows, fees and items to bills, their numbers and what is paid on them."""
