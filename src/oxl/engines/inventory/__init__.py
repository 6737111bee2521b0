"""Who is served: parties, accounts, devices, products, and the history of who held which number and plan when."""
