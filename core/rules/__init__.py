"""Pure decisions: facts in, decision out; no await, no clock, no random but by argument."""
