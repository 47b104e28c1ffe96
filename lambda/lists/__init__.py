"""The lists door: entries of lists that rules look up, put on or taken off while payments go on."""
