"""Rules: pure decisions about claims, retries and ends; facts in, decision out.

No await; clock and randomness only as arguments. They import only the model.
"""
