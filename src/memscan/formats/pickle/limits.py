"""What reading one pickle may cost: enough for the largest checkpoints, too little for a bomb."""

# A pickle may take so many opcodes and so many bytes (of values, roughly as Python keeps them) by itself, and so many more
# for each storage that it names: a tensor takes about 33 opcodes and 2,000 bytes. So the largest file that is read has about
# 120,000 tensors, and a bomb, which names few storages, ends sooner.
FREE_OPCODES, OPCODES_EACH, MAX_OPCODES = 1_500_000, 200, 5_000_000
FREE_COST, COST_EACH, MAX_COST = 64 * 2**20, 4_000, 256 * 2**20
MAX_STRING = 4_096  # bytes; longer ones are no names of anything, and are read past
REFERENCE = 16  # bytes: a reference, and its share of a container that grows by halves
MAX_INTEGER = 1_024  # bytes of one integer, and characters of one in text: random-number generators keep hundreds of digits
