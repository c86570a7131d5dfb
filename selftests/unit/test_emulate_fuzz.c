// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile guests: random bytes in every mode, random registers and segments, and
 * operations that fail at random. Whatever comes, the emulator keeps its promises:
 * a known result, sizes within what emulate.h says, and registers unchanged unless
 * it says otherwise. The sanitizers watch the rest.
 *
 * test_emulate_fuzz [seed] [cases]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "emulate.h"

static u64 rng;
static unsigned long failures;
static struct lodge_x86_emulator emulator;

static u64 random64(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dull;
}

static unsigned int below(unsigned int n)
{
	return (random64() >> 20) % n;
}

static void fail(const char *what)
{
	unsigned int i;

	if (failures++ > 20)
		return;
	printf("# %s: mode %d, bytes", what, emulator.mode);
	for (i = 0; i < emulator.nr_bytes; i++)
		printf(" %02x", emulator.bytes[i]);
	printf("\n");
}

/* Mostly success. */
static int random_result(void)
{
	switch (below(16)) {
	case 0:
		emulator.exception.vector = 14;
		return LODGE_EMU_FAULT;
	case 1:
		return LODGE_EMU_IO_NEEDED;
	case 2:
		return LODGE_EMU_UNHANDLEABLE;
	case 3:
		emulator.stop = true;
		break;
	}
	return LODGE_EMU_CONTINUE;
}

static void check_size(u64 linear, unsigned int bytes)
{
	if (bytes == 0 || bytes > LODGE_EMU_BUFFER)
		fail("size");
	if (bytes > 32 && (linear & 4095) + bytes > 4096)
		fail("block across pages");
	if (emulator.mode != LODGE_X86_LONG64 && linear >> 32)
		fail("linear address");
}

static void random_bytes(void *data, unsigned int bytes)
{
	u8 *to = data;

	while (bytes--)
		*to++ = random64() >> 33;
}

static int do_read(struct lodge_x86_emulator *e, u64 linear, void *data, unsigned int bytes,
		   unsigned int access)
{
	check_size(linear, bytes);
	random_bytes(data, bytes);
	return random_result();
}

static int do_write(struct lodge_x86_emulator *e, u64 linear, const void *data, unsigned int bytes)
{
	static u8 copy[LODGE_EMU_BUFFER];

	check_size(linear, bytes);
	memcpy(copy, data, bytes);
	return random_result();
}

static int do_check(struct lodge_x86_emulator *e, u64 linear, unsigned int bytes,
		    unsigned int access)
{
	check_size(linear, bytes);
	return random_result();
}

static int do_cmpxchg(struct lodge_x86_emulator *e, u64 linear, void *old, const void *new,
		      unsigned int bytes)
{
	check_size(linear, bytes);
	if (below(4) == 0)
		random_bytes(old, bytes);
	return random_result();
}

static int do_pio_in(struct lodge_x86_emulator *e, u16 port, unsigned int size,
		     unsigned int count, void *data)
{
	if (size * count > LODGE_EMU_BUFFER || (size != 1 && size != 2 && size != 4))
		fail("port size");
	random_bytes(data, size * count);
	return random_result();
}

static int do_pio_out(struct lodge_x86_emulator *e, u16 port, unsigned int size,
		      unsigned int count, const void *data)
{
	if (size * count > LODGE_EMU_BUFFER || (size != 1 && size != 2 && size != 4))
		fail("port size");
	return random_result();
}

static int do_check_io(struct lodge_x86_emulator *e, u16 port, unsigned int size)
{
	return random_result();
}

static void do_get_seg(struct lodge_x86_emulator *e, enum lodge_x86_seg seg,
		       struct lodge_x86_segment *out)
{
	if (seg >= LODGE_X86_NR_SEGS)
		fail("segment number");
	random_bytes(&out->base, sizeof(out->base));
	out->limit = below(2) ? 0xffffffff : random64();
	out->selector = random64();
	out->type = below(4) ? 3 : below(16);
	out->dpl = 0;
	out->present = below(8);
	out->code_or_data = below(8);
	out->db = below(2);
	out->l = out->g = false;
}

static int do_set_seg(struct lodge_x86_emulator *e, enum lodge_x86_seg seg,
		      const struct lodge_x86_segment *in)
{
	return random_result();
}

static void do_get_sse(struct lodge_x86_emulator *e, unsigned int n, void *data,
		       unsigned int bytes)
{
	if (n > 15 || (bytes != 16 && bytes != 32))
		fail("vector register");
	random_bytes(data, bytes);
}

static void do_set_sse(struct lodge_x86_emulator *e, unsigned int n, const void *data,
		       unsigned int bytes)
{
	static u8 copy[32];

	if (n > 15 || (bytes != 16 && bytes != 32))
		fail("vector register");
	memcpy(copy, data, bytes);
}

static const struct lodge_x86_emu_ops ops = {
	do_read, do_write, do_check, do_cmpxchg, do_pio_in, do_pio_out, do_check_io,
	do_get_seg, do_set_seg, do_get_sse, do_set_sse,
};

/* An opcode from a random map under a few prefixes, then noise. */
static void random_instruction(struct lodge_x86_emulator *e)
{
	static const u8 prefixes[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x64, 0x48, 0x41 };
	static const u8 escapes[] = { 0x0f, 0x0f, 0xc4, 0xc5 };
	unsigned int pos = below(3), i;

	random_bytes(e->bytes, sizeof(e->bytes));
	for (i = 0; i < pos; i++)
		e->bytes[i] = prefixes[below(sizeof(prefixes))];
	if (below(2))
		e->bytes[pos] = escapes[below(4)];
	if (e->bytes[pos] == 0xc4)
		e->bytes[pos + 1] = (e->bytes[pos + 1] & 0xe0) | (1 + below(3));
	e->nr_bytes = below(sizeof(e->bytes) + 1);
	e->again = 0;
}

static void random_machine(struct lodge_x86_emulator *e)
{
	unsigned int i;

	e->ops = &ops;
	for (i = 0; i < LODGE_X86_NR_GPRS; i++)
		e->gpr[i] = random64() >> below(64);
	e->rip = random64() >> below(64);
	e->rflags = random64();
	e->cr0 = random64();
	e->cr4 = random64();
	e->xcr0 = random64();
	e->mode = below(LODGE_X86_LONG64 + 1);
	e->cpl = below(4);
	e->max_iterations = below(4);
	random_instruction(e);
}

/* Whole iterations of a string instruction may stand. */
static bool is_string(const struct lodge_x86_insn *insn)
{
	u8 op = insn->opcode;

	return insn->rep && insn->map == LODGE_X86_MAP_1 &&
	       ((op >= 0x6c && op <= 0x6f) || (op >= 0xa4 && op <= 0xa7) ||
		(op >= 0xaa && op <= 0xaf));
}

/* Returns whether an instruction was completed. */
static bool run_one(struct lodge_x86_emulator *e)
{
	u64 gpr[LODGE_X86_NR_GPRS], rip, rflags;
	bool same;
	int r;

	random_machine(e);
	memcpy(gpr, e->gpr, sizeof(gpr));
	rip = e->rip;
	rflags = e->rflags;
	e->exception.vector = 0xff;
	r = lodge_x86_emulate(e);
	same = !memcmp(gpr, e->gpr, sizeof(gpr)) && rflags == e->rflags;
	if (r < LODGE_EMU_CONTINUE || r > LODGE_EMU_UNHANDLEABLE)
		fail("result");
	if (e->retired && r != LODGE_EMU_CONTINUE)
		fail("retired");
	if (!e->retired && (e->rip != rip || (!same && !is_string(&e->insn))))
		fail("registers changed");
	if (r == LODGE_EMU_FAULT && e->exception.vector > 17)
		fail("no exception");
	return e->retired;
}

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (u64)time(NULL);
	unsigned long cases = argc > 2 ? strtoul(argv[2], NULL, 0) : 2000000;
	unsigned long i, done = 0;

	rng = seed ^ 0x9e3779b97f4a7c15ull;
	printf("TAP version 13\n1..1\n# seed %llu\n", seed);
	fflush(stdout);
	for (i = 0; i < cases; i++)
		done += run_one(&emulator);
	printf("%sok 1 - %lu random instructions, %lu of them completed\n",
	       failures || done < cases / 16 ? "not " : "", cases, done);
	return failures || done < cases / 16 ? 1 : 0;
}
