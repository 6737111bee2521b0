"""The kernel's hall: HTTP and the TM Forum REST design rules, for resources that are declared to it.

READ   router → request → filter → select → represent
WRITE  router → request → validate → flusher → handle → select → represent
It knows no revenue.
"""
