"""What is written of a run: results for people and for machines, the dossier that an operator publishes, the assets.

Everything here is made of a `Report` and of the contract that the server itself publishes; nothing is asked again.
"""
