"""From stored pictures to uint8 arrays, and a look at what came out."""
