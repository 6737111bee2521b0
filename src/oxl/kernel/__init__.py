"""The kernel's hall: HTTP and the TM Forum REST design rules, for resources that are declared to it. It knows no revenue.

READ   router → request → filter → select → represent        WRITE   router → request → validate → flusher → handle → select
"""
