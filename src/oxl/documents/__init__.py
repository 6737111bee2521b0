"""A bill as documents: the page that a customer reads and the invoice that a machine reads, both of the same facts."""
