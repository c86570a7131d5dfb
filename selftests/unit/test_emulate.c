// SPDX-License-Identifier: GPL-2.0
/*
 * Emulator against the real processor: random instructions from emulate_cases.c
 * with random operands run natively and in the emulator on equal registers and
 * memory; then registers, defined flags, memory and exceptions must be equal.
 *
 * In the emulator part of memory is a device whose reads user space answers, and
 * now and then an access faults or a locked update loses a race: the instruction
 * must then have changed nothing, and come to the same end when it is tried again.
 *
 * test_emulate [seed] [cases]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "emulate.h"
#include "emulate_cases.h"
#include "emulate_native.h"

#define FLAG_CF		0x1ull
#define FLAG_TF		0x100ull
#define FLAG_DF		0x400ull
#define FLAG_RF		0x10000ull
#define FLAG_AC		0x40000ull
#define FLAGS_RANDOM	0x8d5ull
#define GS_BASE		0x1234560ull
#define MIDDLE		(NATIVE_ARENA / 2)
#define NOTHING		0xff		/* no register */

#define RAX	LODGE_X86_RAX
#define RCX	LODGE_X86_RCX
#define RDX	LODGE_X86_RDX
#define RBX	LODGE_X86_RBX
#define RSP	LODGE_X86_RSP
#define RBP	LODGE_X86_RBP
#define RSI	LODGE_X86_RSI
#define RDI	LODGE_X86_RDI

/* One instruction with everything it works on. */
struct trial {
	const struct emulate_case *c;
	u8 bytes[32];
	unsigned int length;
	struct native_state state;
	u8 memory[NATIVE_ARENA];
	u32 pinned;			/* registers that hold addresses */
	unsigned int size;		/* operand size in bytes */
	unsigned int at;		/* memory operand's place in the arena */
	bool in_memory;
	bool gs;
	bool addr32;
	bool lock;
	bool wide;			/* REX.W or VEX.W */
	u8 rep;
	u8 reg, rm, base, index, vvvv;	/* operand numbers */
	u8 mod, scale;
	bool rip_relative;
	bool rex_wanted;
	s64 disp;
	unsigned int disp_bytes;
	u64 imm;
	unsigned int imm_bytes;
};

static u64 rng;
static unsigned long failures;

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

static bool one_in(unsigned int n)
{
	return below(n) == 0;
}

/* Values at which carries, signs and counts change, among any others. */
static u64 random_value(void)
{
	static const u64 corners[] = {
		0, 1, 2, ~0ull, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
	};

	switch (below(4)) {
	case 0:
		return corners[below(sizeof(corners) / sizeof(*corners))];
	case 1:
		return random64() >> below(64);
	}
	return random64();
}

static bool has(const struct trial *t, u32 form)
{
	return t->c->form & form;
}

static bool is_pinned(const struct trial *t, unsigned int reg)
{
	return t->pinned & (1u << reg);
}

static void pin(struct trial *t, unsigned int reg, u64 value)
{
	t->state.gpr[reg] = value;
	t->pinned |= 1u << reg;
}

/* ---- operands ---- */

static void choose_size(struct trial *t)
{
	static const u8 sizes[] = { 2, 4, 8 };

	t->wide = false;
	t->size = 4;
	if (has(t, F_SIZES))
		t->size = sizes[below(3)];
	else if (has(t, F_WIDE))
		t->size = one_in(2) ? 4 : 8;
	else if (has(t, F_STACK16))
		t->size = one_in(4) ? 2 : 8;
	else if (has(t, F_STACK))
		t->size = 8;
	if (t->size == 8 && !has(t, F_STACK))
		t->wide = true;
	if (has(t, F_BYTE))
		t->size = 1;
}

static void random_state(struct trial *t)
{
	u64 *vector = (u64 *)t->state.vector;
	unsigned int i;

	for (i = 0; i < 16; i++)
		t->state.gpr[i] = random_value();
	if (has(t, F_VECTOR))
		for (i = 0; i < sizeof(t->state.vector) / sizeof(u64); i++)
			vector[i] = random64();
	for (i = 0; i < NATIVE_ARENA; i += 8) {
		u64 value = random_value();

		memcpy(t->memory + i, &value, 8);
	}
	t->state.rflags = 0x202 | (random64() & FLAGS_RANDOM);
	if (one_in(4))
		t->state.rflags |= FLAG_DF;
	if (one_in(32))
		t->state.rflags |= FLAG_AC;
	t->pinned = 0;
}

/* Where in the arena: any alignment, but mostly a good one for those that need it. */
static unsigned int random_place(const struct trial *t)
{
	unsigned int at = MIDDLE - 64 + below(128);

	if (has(t, F_VECTOR) || t->c->special == S_CMPXCHG_PAIR)
		return one_in(4) ? at : at & ~31u;
	return one_in(2) ? at : at & ~7u;
}

static u64 linear_of(unsigned int at)
{
	return NATIVE_ARENA_AT + at;
}

/* The offset that leads there through the segment. */
static u64 offset_of(const struct trial *t, unsigned int at)
{
	return linear_of(at) - (t->gs ? GS_BASE : 0);
}

static u64 with_garbage(const struct trial *t, u64 value)
{
	return t->addr32 ? (u32)value | random64() << 32 : value;
}

static void choose_disp(struct trial *t)
{
	t->disp_bytes = t->mod == 1 ? 1 : t->mod == 2 ? 4 : 0;
	t->disp = 0;
	if (t->disp_bytes == 1)
		t->disp = (s8)random64();
	if (t->disp_bytes == 4)
		t->disp = (s32)random64();
}

/* Without a base the displacement has to bring the operand into the arena. */
static bool address_without_base(struct trial *t)
{
	u64 offset = offset_of(t, t->at);

	t->disp_bytes = 4;
	if (t->index != NOTHING)
		pin(t, t->index, below(1000));
	t->disp = offset;
	if (t->index != NOTHING)
		t->disp -= t->state.gpr[t->index] << t->scale;
	return true;
}

static bool address_with_base(struct trial *t)
{
	u64 offset = offset_of(t, t->at) - t->disp;

	if (is_pinned(t, t->base) || t->base == t->index)
		return false;
	if (t->index != NOTHING) {
		pin(t, t->index, t->state.gpr[t->index]);
		offset -= t->state.gpr[t->index] << t->scale;
	}
	pin(t, t->base, with_garbage(t, offset));
	return true;
}

/* ModRM.rm 4 is the SIB byte, and 5 without displacement RIP; the SIB's index 4 is none. */
static bool choose_address(struct trial *t)
{
	t->mod = below(3);
	t->rm = below(16);
	t->index = NOTHING;
	t->base = t->rm;
	t->scale = below(4);
	t->at = random_place(t);
	choose_disp(t);
	t->rip_relative = (t->rm & 7) == 5 && t->mod == 0;
	if (t->rip_relative) {
		t->disp_bytes = 4;
		return true;
	}
	if ((t->rm & 7) == 4) {
		t->base = below(16);
		t->index = below(16);
		if (t->index == 4)
			t->index = NOTHING;
		if (t->mod == 0 && (t->base & 7) == 5)
			t->base = NOTHING;
	}
	if (t->index != NOTHING && is_pinned(t, t->index))
		return false;
	return t->base == NOTHING ? address_without_base(t) : address_with_base(t);
}

static bool choose_operands(struct trial *t)
{
	t->reg = t->c->group >= 0 ? (unsigned int)t->c->group : below(16);
	if (has(t, F_OPREG))
		t->reg = below(16);
	t->vvvv = below(16);
	if (!has(t, F_VVVV) && !(has(t, F_MEMVVVV) && !t->in_memory))
		t->vvvv = 0;
	if (!has(t, F_VEX))
		t->vvvv = 0;
	if (!has(t, F_MODRM))
		return true;
	if (t->in_memory)
		return choose_address(t);
	t->mod = 3;
	t->rm = below(16);
	t->base = t->index = NOTHING;
	t->disp_bytes = 0;
	return true;
}

/* ---- what single instructions need ---- */

static u64 memory_value(const struct trial *t, unsigned int at, unsigned int bytes)
{
	u64 value = 0;

	memcpy(&value, t->memory + at, bytes);
	return value;
}

static u64 operand_value(const struct trial *t)
{
	return t->in_memory ? memory_value(t, t->at, t->size) : t->state.gpr[t->rm];
}

static void set_if_free(struct trial *t, unsigned int reg, u64 value)
{
	if (!is_pinned(t, reg))
		t->state.gpr[reg] = value;
}

/* A bit number that leads up to 64 bytes away; what is beyond the operand size is ignored. */
static bool prepare_bits(struct trial *t)
{
	s64 n = (s64)below(1024) - 512;
	unsigned int shift = 8 * t->size;

	if (!t->in_memory)
		return true;
	if (is_pinned(t, t->reg))
		return false;
	t->state.gpr[t->reg] = n;
	if (shift < 64)
		t->state.gpr[t->reg] = ((u64)n & ((1ull << shift) - 1)) | random64() << shift;
	return true;
}

/* Mostly a dividend small enough for the quotient to fit. */
static void prepare_div(struct trial *t)
{
	bool negative = t->state.gpr[RAX] >> (8 * (t->size == 1 ? 2 : t->size) - 1) & 1;

	if (one_in(4))
		return;
	if (t->size == 1)
		set_if_free(t, RAX, random64() & 0x7ff);
	else
		set_if_free(t, RDX, t->c->group == 7 && negative ? ~0ull : 0);
}

static void prepare_pair(struct trial *t)
{
	unsigned int half = t->wide ? 8 : 4;

	if (one_in(2))
		return;
	set_if_free(t, RAX, memory_value(t, t->at, half));
	set_if_free(t, RDX, memory_value(t, t->at + half, half));
}

/* 16-bit double shifts by more than 16 have no defined result. */
static bool prepare_shld(struct trial *t)
{
	if (t->size != 2)
		return true;
	t->imm &= 15;
	set_if_free(t, RCX, random64() & 15);
	return !(t->c->special == S_SHLD_CL && (t->state.gpr[RCX] & 31) > 16);
}

static void put_exit_address(struct trial *t, unsigned int at)
{
	u64 address = native_exit_address();

	memcpy(t->memory + at, &address, sizeof(address));
}

static void prepare_popf(struct trial *t)
{
	unsigned int at = t->state.gpr[RSP] - NATIVE_ARENA_AT;

	t->memory[at + 1] &= ~1;		/* TF would stop this program */
}

static void prepare_xlat(struct trial *t)
{
	t->at = random_place(t);
	pin(t, RBX, with_garbage(t, offset_of(t, t->at) - (t->state.gpr[RAX] & 0xff)));
	t->pinned |= 1u << RAX;
}

/* Bit numbers and lengths around the operand size. */
static void prepare_control(struct trial *t)
{
	if (has(t, F_VVVV) && !has(t, F_VECTOR) && one_in(2))
		set_if_free(t, t->vvvv, below(80) | below(80) << 8);
}

static bool prepare_special(struct trial *t)
{
	prepare_control(t);
	switch (t->c->special) {
	case S_BITS:
		return prepare_bits(t);
	case S_CMPXCHG:
		if (one_in(2))
			set_if_free(t, RAX, operand_value(t));
		return true;
	case S_CMPXCHG_PAIR:
		prepare_pair(t);
		return true;
	case S_DIV:
		prepare_div(t);
		return true;
	case S_SHLD_IMM:
	case S_SHLD_CL:
		return prepare_shld(t);
	case S_BRANCH:
		put_exit_address(t, t->at);
		return true;
	case S_RET:
		put_exit_address(t, t->state.gpr[RSP] - NATIVE_ARENA_AT);
		return true;
	case S_POPF:
		prepare_popf(t);
		return true;
	}
	return true;
}

/* Registers that an instruction uses without naming them. */
static void prepare_implicit(struct trial *t)
{
	if (has(t, F_STACK) && t->c->special != S_LEAVE)
		pin(t, RSP, linear_of(MIDDLE - 64 + 8 * below(16)));
	if (t->c->special == S_LEAVE)
		pin(t, RBP, linear_of(MIDDLE - 64 + 8 * below(16)));
	if (t->c->special == S_XLAT)
		prepare_xlat(t);
	if (has(t, F_STRING)) {
		pin(t, RSI, with_garbage(t, offset_of(t, random_place(t))));
		pin(t, RDI, with_garbage(t, linear_of(random_place(t))));
		pin(t, RCX, with_garbage(t, below(8)));
	}
	if (has(t, F_MOFFS))
		t->at = random_place(t);
}

/* Comparisons that go on for a while need equal memory. */
static void equalise(struct trial *t)
{
	if (has(t, F_STRING) && one_in(2))
		memset(t->memory, t->state.gpr[RAX], sizeof(t->memory) - below(NATIVE_ARENA));
	if (has(t, F_STRING) && one_in(2))
		t->state.gpr[RAX] = (t->state.gpr[RAX] & 0xff) * 0x0101010101010101ull;
}

/* ---- encoding ---- */

static void emit(struct trial *t, u64 value, unsigned int bytes)
{
	memcpy(t->bytes + t->length, &value, bytes);
	t->length += bytes;
}

/* In any order; the mandatory one is among them. */
static void emit_prefixes(struct trial *t)
{
	static const u8 ignored[] = { 0x26, 0x2e, 0x36, 0x3e };
	u8 list[8];
	unsigned int n = 0, i, other;

	if (t->gs)
		list[n++] = 0x65;
	else if (one_in(16))
		list[n++] = ignored[below(4)];
	if (t->addr32)
		list[n++] = 0x67;
	if (!has(t, F_VEX)) {
		if (t->size == 2 || (t->wide && has(t, F_SIZES) && !t->c->prefix && one_in(8)))
			list[n++] = 0x66;
		if (t->c->prefix)
			list[n++] = t->c->prefix;
		if (t->lock)
			list[n++] = 0xf0;
		if (t->rep)
			list[n++] = t->rep;
	}
	for (i = 0; i < n; i++) {
		u8 swap = list[i];

		other = below(n);
		list[i] = list[other];
		list[other] = swap;
	}
	for (i = 0; i < n; i++)
		emit(t, list[i], 1);
}

/* R, X and B as bits 2, 1 and 0. */
static u8 extension_bits(const struct trial *t)
{
	u8 low = t->mod == 3 || t->base == NOTHING || (t->rm & 7) != 4 ? t->rm : t->base;
	u8 bits = 0;

	if (has(t, F_OPREG))
		return t->reg & 8 ? 1 : 0;
	if (!has(t, F_MODRM))
		return 0;
	if (t->reg & 8)
		bits |= 4;
	if (t->index != NOTHING && (t->index & 8))
		bits |= 2;
	if (t->mod != 3 && (t->rm & 7) == 4)
		return bits | (t->base != NOTHING && (t->base & 8) ? 1 : 0);
	return bits | (low & 8 ? 1 : 0);
}

static void emit_rex(struct trial *t)
{
	u8 rex = extension_bits(t) | (t->wide ? 8 : 0);

	if (rex || t->rex_wanted)
		emit(t, 0x40 | rex, 1);
}

static void emit_vex(struct trial *t)
{
	u8 bits = extension_bits(t), prefix = t->c->prefix;
	u8 pp = prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix == 0xf2 ? 3 : 0;
	u8 tail = (~t->vvvv & 15) << 3 | (has(t, F_VEXL) && one_in(2) ? 4 : 0) | pp;

	if (!(bits & 3) && !t->wide && t->c->map == LODGE_X86_MAP_0F && one_in(2)) {
		emit(t, 0xc5, 1);
		emit(t, tail | (bits & 4 ? 0 : 0x80), 1);
		return;
	}
	emit(t, 0xc4, 1);
	emit(t, (~bits & 7) << 5 | t->c->map, 1);
	emit(t, tail | (t->wide ? 0x80 : 0), 1);
}

static void emit_opcode(struct trial *t)
{
	if (!has(t, F_VEX) && t->c->map != LODGE_X86_MAP_1)
		emit(t, 0x0f, 1);
	if (!has(t, F_VEX) && t->c->map == LODGE_X86_MAP_0F38)
		emit(t, 0x38, 1);
	if (!has(t, F_VEX) && t->c->map == LODGE_X86_MAP_0F3A)
		emit(t, 0x3a, 1);
	emit(t, t->c->opcode | (has(t, F_OPREG) ? t->reg & 7 : 0), 1);
}

static void emit_modrm(struct trial *t)
{
	u8 sib_index = t->index == NOTHING ? 4 : t->index & 7;
	u8 sib_base = t->base == NOTHING ? 5 : t->base & 7;

	if (!has(t, F_MODRM))
		return;
	emit(t, t->mod << 6 | (t->reg & 7) << 3 | (t->rm & 7), 1);
	if (t->mod != 3 && (t->rm & 7) == 4)
		emit(t, t->scale << 6 | sib_index << 3 | sib_base, 1);
	if (t->rip_relative)
		t->disp = offset_of(t, t->at) - (NATIVE_ENTRY + t->length + 4 + t->imm_bytes);
	emit(t, t->disp, t->disp_bytes);
}

static void encode(struct trial *t)
{
	t->length = 0;
	emit_prefixes(t);
	if (has(t, F_VEX))
		emit_vex(t);
	else
		emit_rex(t);
	emit_opcode(t);
	emit_modrm(t);
	if (has(t, F_MOFFS))
		emit(t, offset_of(t, t->at), t->addr32 ? 4 : 8);
	emit(t, t->imm, t->imm_bytes);
}

/* ---- one trial ---- */

static bool generate(struct trial *t)
{
	t->c = &emulate_cases[below(emulate_nr_cases)];
	if (has(t, F_VEX) && has(t, F_VECTOR) && !native_has_avx)
		return false;
	choose_size(t);
	t->gs = one_in(16);
	t->addr32 = one_in(8);
	t->rex_wanted = one_in(4);
	t->rip_relative = false;
	t->in_memory = has(t, F_MODRM) && (has(t, F_MEM) || !one_in(8));
	t->lock = has(t, F_LOCK) && t->in_memory && one_in(4);
	t->rep = has(t, F_STRING) && !one_in(4) ? (one_in(2) ? 0xf2 : 0xf3) : 0;
	t->imm = random_value();
	t->imm_bytes = has(t, F_IMM8) ? 1 : has(t, F_IMMZ) ? (t->size == 2 ? 2 : 4) : 0;
	random_state(t);
	prepare_implicit(t);
	if (!choose_operands(t))
		return false;
	equalise(t);
	if (!prepare_special(t))
		return false;
	encode(t);
	return t->length <= LODGE_X86_MAX_INSN;
}

/* ---- the emulator's world ---- */

struct access {
	u64 linear;
	unsigned int bytes;
	u8 data[32];
};

struct world {
	struct lodge_x86_emulator e;
	const struct trial *t;
	u8 memory[NATIVE_ARENA];
	u8 vector[16][32];
	bool device;			/* the arena's upper half is one */
	unsigned int fault_in;		/* accesses until one faults; 0: none will */
	bool faulted;
	bool race;			/* the next locked update loses */
	bool stray;			/* an access outside the arena, or another than before */
	struct access log[8];
	unsigned int logged, replayed;
	struct access pending[8];
	unsigned int nr_pending;
};

static struct world world;

static struct world *world_of(struct lodge_x86_emulator *e)
{
	return e->ctx;
}

static u8 *find(struct world *w, u64 linear, unsigned int bytes)
{
	if (linear >= NATIVE_ARENA_AT && linear + bytes <= NATIVE_ARENA_AT + NATIVE_ARENA)
		return w->memory + (linear - NATIVE_ARENA_AT);
	w->stray = true;
	return NULL;
}

static bool is_device(const struct world *w, u64 linear, unsigned int bytes)
{
	return w->device && linear + bytes > NATIVE_ARENA_AT + MIDDLE;
}

static int maybe_fault(struct world *w)
{
	if (!w->fault_in || --w->fault_in)
		return LODGE_EMU_CONTINUE;
	w->faulted = true;
	w->e.exception.vector = 14;
	return LODGE_EMU_FAULT;
}

static int read_device(struct world *w, u64 linear, const u8 *from, void *data, unsigned int bytes)
{
	struct access *a = &w->log[w->replayed];

	if (w->replayed < w->logged) {
		w->stray |= a->linear != linear || a->bytes != bytes;
		memcpy(data, a->data, bytes);
		w->replayed++;
		w->e.stop = true;
		return LODGE_EMU_CONTINUE;
	}
	a->linear = linear;
	a->bytes = bytes;
	memcpy(a->data, from, bytes);
	w->logged++;
	return LODGE_EMU_IO_NEEDED;
}

static int world_read(struct lodge_x86_emulator *e, u64 linear, void *data, unsigned int bytes,
		      unsigned int access)
{
	struct world *w = world_of(e);
	u8 *from;
	int r;

	if (access == LODGE_EMU_FETCH) {
		memcpy(data, w->t->bytes + (linear - NATIVE_ENTRY), bytes);
		return LODGE_EMU_CONTINUE;
	}
	r = maybe_fault(w);
	if (r)
		return r;
	from = find(w, linear, bytes);
	if (!from)
		return LODGE_EMU_UNHANDLEABLE;
	if (is_device(w, linear, bytes))
		return read_device(w, linear, from, data, bytes);
	memcpy(data, from, bytes);
	return LODGE_EMU_CONTINUE;
}

static int write_device(struct world *w, u64 linear, const void *data, unsigned int bytes)
{
	struct access *a = &w->pending[w->nr_pending++];

	a->linear = linear;
	a->bytes = bytes;
	memcpy(a->data, data, bytes);
	w->e.stop = true;
	return LODGE_EMU_CONTINUE;
}

static int world_write(struct lodge_x86_emulator *e, u64 linear, const void *data,
		       unsigned int bytes)
{
	struct world *w = world_of(e);
	int r = maybe_fault(w);
	u8 *to;

	if (r)
		return r;
	to = find(w, linear, bytes);
	if (!to)
		return LODGE_EMU_UNHANDLEABLE;
	if (is_device(w, linear, bytes))
		return write_device(w, linear, data, bytes);
	memcpy(to, data, bytes);
	return LODGE_EMU_CONTINUE;
}

static int world_check(struct lodge_x86_emulator *e, u64 linear, unsigned int bytes,
		       unsigned int access)
{
	struct world *w = world_of(e);
	int r = maybe_fault(w);

	if (r)
		return r;
	return find(w, linear, bytes) ? LODGE_EMU_CONTINUE : LODGE_EMU_UNHANDLEABLE;
}

static int world_cmpxchg(struct lodge_x86_emulator *e, u64 linear, void *old, const void *new,
			 unsigned int bytes)
{
	struct world *w = world_of(e);
	u8 *at = find(w, linear, bytes);

	if (!at)
		return LODGE_EMU_UNHANDLEABLE;
	if (is_device(w, linear, bytes))
		return write_device(w, linear, new, bytes);
	if (w->race) {
		w->race = false;
		*(u8 *)old ^= 0x55;
		return LODGE_EMU_CONTINUE;
	}
	w->stray |= memcmp(at, old, bytes) != 0;
	memcpy(at, new, bytes);
	return LODGE_EMU_CONTINUE;
}

static u16 selectors[LODGE_X86_NR_SEGS];

static void world_get_seg(struct lodge_x86_emulator *e, enum lodge_x86_seg seg,
			  struct lodge_x86_segment *out)
{
	memset(out, 0, sizeof(*out));
	out->selector = selectors[seg];
	out->base = seg == LODGE_X86_GS ? GS_BASE : 0;
}

static void world_get_sse(struct lodge_x86_emulator *e, unsigned int n, void *data,
			  unsigned int bytes)
{
	memcpy(data, world_of(e)->vector[n], bytes);
}

static void world_set_sse(struct lodge_x86_emulator *e, unsigned int n, const void *data,
			  unsigned int bytes)
{
	memcpy(world_of(e)->vector[n], data, bytes);
}

static const struct lodge_x86_emu_ops world_ops = {
	.read = world_read,
	.write = world_write,
	.check = world_check,
	.cmpxchg = world_cmpxchg,
	.get_seg = world_get_seg,
	.get_sse = world_get_sse,
	.set_sse = world_set_sse,
};

static void world_init(struct world *w, const struct trial *t)
{
	struct lodge_x86_emulator *e = &w->e;

	w->t = t;
	memcpy(w->memory, t->memory, sizeof(w->memory));
	memcpy(w->vector, t->state.vector, sizeof(w->vector));
	w->device = one_in(4);
	w->fault_in = one_in(8) ? 1 + below(6) : 0;
	w->race = t->lock && one_in(4);
	w->stray = w->faulted = false;
	w->logged = w->nr_pending = 0;
	e->ops = &world_ops;
	e->ctx = w;
	memcpy(e->gpr, t->state.gpr, sizeof(e->gpr));
	e->rip = NATIVE_ENTRY;
	e->rflags = t->state.rflags;
	e->cr0 = 0x80050033;		/* PG, AM, WP, NE, ET, MP, PE */
	e->cr4 = 1 << 18 | 1 << 9;
	e->xcr0 = 7;
	e->mode = LODGE_X86_LONG64;
	e->cpl = 3;
	e->max_iterations = 1 + below(16);
	e->nr_bytes = one_in(2) ? 0 : below(t->length + 1);
	e->again = 0;
	memcpy(e->bytes, t->bytes, e->nr_bytes);
}

static void apply_pending(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->nr_pending; i++)
		memcpy(find(w, w->pending[i].linear, w->pending[i].bytes), w->pending[i].data,
		       w->pending[i].bytes);
}

/* Nothing may have changed; strings may have done whole iterations before. */
static bool is_unchanged(const struct world *w)
{
	if (has(w->t, F_STRING))
		return w->e.rip == NATIVE_ENTRY;
	return !memcmp(w->e.gpr, w->t->state.gpr, sizeof(w->e.gpr)) &&
	       w->e.rip == NATIVE_ENTRY && w->e.rflags == w->t->state.rflags &&
	       !memcmp(w->memory, w->t->memory, sizeof(w->memory)) &&
	       !memcmp(w->vector, w->t->state.vector, sizeof(w->vector));
}

#define UNFINISHED	-2
#define BROKEN		-3

/* After one call: UNFINISHED to go on, -1 done, a vector, or BROKEN. */
static int after_call(struct world *w, int r)
{
	if (r == LODGE_EMU_CONTINUE) {
		apply_pending(w);
		w->logged = 0;
		if (w->e.retired)
			return -1;
		return is_unchanged(w) ? UNFINISHED : BROKEN;
	}
	if (!is_unchanged(w))
		return BROKEN;
	if (r == LODGE_EMU_IO_NEEDED)
		return UNFINISHED;
	if (r == LODGE_EMU_FAULT && w->faulted) {
		w->faulted = false;
		w->logged = 0;
		return UNFINISHED;
	}
	return r == LODGE_EMU_FAULT ? w->e.exception.vector : BROKEN;
}

static int run_emulated(struct world *w)
{
	unsigned int calls;
	int r = UNFINISHED;

	for (calls = 0; calls < 100 && r == UNFINISHED; calls++) {
		w->replayed = 0;
		w->nr_pending = 0;
		r = after_call(w, lodge_x86_emulate(&w->e));
	}
	return w->stray ? BROKEN : r;
}

/* ---- comparison ---- */

static void print_trial(const struct trial *t, int native, int emulated)
{
	unsigned int i;

	printf("# %s: processor %d emulator %d, bytes", t->c->name, native, emulated);
	for (i = 0; i < t->length; i++)
		printf(" %02x", t->bytes[i]);
	printf("%s\n", world.stray ? " (stray access)" : "");
}

static void print_registers(const struct trial *t, const struct native_state *after)
{
	unsigned int i, shown = 0;

	for (i = 0; i < 16; i++)
		if (after->gpr[i] != world.e.gpr[i])
			printf("#   r%u: before %llx processor %llx emulator %llx\n", i,
			       t->state.gpr[i], after->gpr[i], world.e.gpr[i]);
	printf("#   flags: before %llx processor %llx emulator %llx\n", t->state.rflags,
	       after->rflags, world.e.rflags);
	for (i = 0; i < NATIVE_ARENA; i++)
		if (native_arena[i] != world.memory[i] && shown++ < 4)
			printf("#   memory %u: before %02x processor %02x emulator %02x\n", i,
			       t->memory[i], native_arena[i], world.memory[i]);
	for (i = 0; i < 16; i++)
		if (memcmp(after->vector[i], world.vector[i], 32))
			printf("#   vector %u\n", i);
}

static u64 undefined_flags(const struct trial *t)
{
	u64 count = t->c->special == S_SHIFT_CL || t->c->special == S_SHLD_CL ?
		    t->state.gpr[RCX] : t->imm;

	return emulate_undefined_flags(t->c, t->size, count & 0xff, t->reg) | FLAG_RF;
}

static u64 expected_rip(const struct trial *t)
{
	if (t->c->special == S_BRANCH || t->c->special == S_RET)
		return native_exit_address();
	return NATIVE_ENTRY + t->length;
}

static bool same_vectors(const struct native_state *after)
{
	unsigned int i, bytes = native_has_avx ? 32 : 16;

	for (i = 0; i < 16; i++)
		if (memcmp(after->vector[i], world.vector[i], bytes))
			return false;
	return true;
}

static bool same_state(const struct trial *t, const struct native_state *after)
{
	return !memcmp(after->gpr, world.e.gpr, sizeof(after->gpr)) &&
	       !((after->rflags ^ world.e.rflags) & ~undefined_flags(t)) &&
	       !memcmp(native_arena, world.memory, NATIVE_ARENA) &&
	       world.e.rip == expected_rip(t) &&
	       (!has(t, F_VECTOR) || same_vectors(after));
}

/* A processor without the feature raises #UD. Returns whether there was something to compare. */
static bool run_trial(const struct trial *t)
{
	struct native_state after = t->state;
	int native, emulated;
	bool same;

	memcpy(native_arena, t->memory, NATIVE_ARENA);
	native = native_run(&after, t->bytes, t->length);
	if (native == 6 && t->c->special == S_FEATURE)
		return false;
	world_init(&world, t);
	emulated = run_emulated(&world);
	same = native == emulated && (native >= 0 || same_state(t, &after));
	if (!same && failures++ < 20) {
		print_trial(t, native, emulated);
		print_registers(t, &after);
	}
	return true;
}

static void read_selectors(void)
{
	asm volatile("mov %%es, %0" : "=m" (selectors[LODGE_X86_ES]));
	asm volatile("mov %%cs, %0" : "=m" (selectors[LODGE_X86_CS]));
	asm volatile("mov %%ss, %0" : "=m" (selectors[LODGE_X86_SS]));
	asm volatile("mov %%ds, %0" : "=m" (selectors[LODGE_X86_DS]));
	asm volatile("mov %%fs, %0" : "=m" (selectors[LODGE_X86_FS]));
	asm volatile("mov %%gs, %0" : "=m" (selectors[LODGE_X86_GS]));
	asm volatile("wrgsbase %0" : : "r" (GS_BASE));
}

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (u64)time(NULL);
	unsigned long cases = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000000;
	unsigned long done = 0, absent = 0;
	static struct trial t;

	rng = seed ^ 0x9e3779b97f4a7c15ull;
	printf("TAP version 13\n1..1\n# seed %llu\n", seed);
	fflush(stdout);
	if (!native_init()) {
		printf("Bail out! no memory at fixed low addresses\n");
		return 1;
	}
	read_selectors();
	while (done < cases) {
		if (!generate(&t))
			continue;
		done++;
		absent += !run_trial(&t);
	}
	printf("%sok 1 - %lu cases of %u instructions as on the processor (%lu not on this one)\n",
	       failures || absent > cases / 4 ? "not " : "", done, emulate_nr_cases, absent);
	return failures || absent > cases / 4 ? 1 : 0;
}
