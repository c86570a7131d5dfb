// SPDX-License-Identifier: GPL-2.0
/* The vector moves that compilers and memcpy use, in their legacy and VEX forms. No arithmetic. */
#include <linux/string.h>
#include <linux/types.h>

#include "internal.h"

#define CR0_EM		(1ull << 2)
#define CR0_TS		(1ull << 3)
#define CR4_OSFXSR	(1ull << 9)
#define CR4_OSXSAVE	(1ull << 18)
#define XCR0_SSE_AVX	0x6ull

/* What moves, in relation to vector register ModRM.reg. */
enum kind {
	LOAD,		/* all of it, 16 or 32 bytes, from register or memory */
	STORE,
	LOAD_SCALAR,	/* low bytes from memory, the rest zeroed; from a register merged */
	STORE_SCALAR,	/* low bytes; to a register merged */
	LOAD_ZERO,	/* low bytes from register or memory, the rest zeroed */
	STORE_ZERO,	/* the same in the other direction */
	LOAD_LOW,	/* low 8 from memory (or a register's upper 8), high 8 kept */
	LOAD_HIGH,	/* high 8 from memory (or a register's low 8), low 8 kept */
	STORE_LOW,	/* to memory only */
	STORE_HIGH,
	FROM_GPR,	/* 4 or 8 bytes, the rest zeroed */
	TO_GPR,
};

#define ALIGNED		0x1	/* memory operand must be aligned to its size */
#define MEMORY		0x2	/* no register form */

struct vector_move {
	u8 map;
	u8 opcode;
	u8 prefix;
	u8 kind;
	u8 bytes;	/* of scalars */
	u8 flags;
};

static const struct vector_move moves[] = {
	{ LODGE_X86_MAP_0F, 0x10, 0x00, LOAD, 0, 0 },		/* movups */
	{ LODGE_X86_MAP_0F, 0x10, 0x66, LOAD, 0, 0 },		/* movupd */
	{ LODGE_X86_MAP_0F, 0x10, 0xf3, LOAD_SCALAR, 4, 0 },	/* movss */
	{ LODGE_X86_MAP_0F, 0x10, 0xf2, LOAD_SCALAR, 8, 0 },	/* movsd */
	{ LODGE_X86_MAP_0F, 0x11, 0x00, STORE, 0, 0 },
	{ LODGE_X86_MAP_0F, 0x11, 0x66, STORE, 0, 0 },
	{ LODGE_X86_MAP_0F, 0x11, 0xf3, STORE_SCALAR, 4, 0 },
	{ LODGE_X86_MAP_0F, 0x11, 0xf2, STORE_SCALAR, 8, 0 },
	{ LODGE_X86_MAP_0F, 0x12, 0x00, LOAD_LOW, 8, 0 },	/* movlps, movhlps */
	{ LODGE_X86_MAP_0F, 0x12, 0x66, LOAD_LOW, 8, MEMORY },	/* movlpd */
	{ LODGE_X86_MAP_0F, 0x13, 0x00, STORE_LOW, 8, MEMORY },
	{ LODGE_X86_MAP_0F, 0x13, 0x66, STORE_LOW, 8, MEMORY },
	{ LODGE_X86_MAP_0F, 0x16, 0x00, LOAD_HIGH, 8, 0 },	/* movhps, movlhps */
	{ LODGE_X86_MAP_0F, 0x16, 0x66, LOAD_HIGH, 8, MEMORY },
	{ LODGE_X86_MAP_0F, 0x17, 0x00, STORE_HIGH, 8, MEMORY },
	{ LODGE_X86_MAP_0F, 0x17, 0x66, STORE_HIGH, 8, MEMORY },
	{ LODGE_X86_MAP_0F, 0x28, 0x00, LOAD, 0, ALIGNED },	/* movaps */
	{ LODGE_X86_MAP_0F, 0x28, 0x66, LOAD, 0, ALIGNED },	/* movapd */
	{ LODGE_X86_MAP_0F, 0x29, 0x00, STORE, 0, ALIGNED },
	{ LODGE_X86_MAP_0F, 0x29, 0x66, STORE, 0, ALIGNED },
	{ LODGE_X86_MAP_0F, 0x2b, 0x00, STORE, 0, ALIGNED | MEMORY },	/* movntps */
	{ LODGE_X86_MAP_0F, 0x2b, 0x66, STORE, 0, ALIGNED | MEMORY },	/* movntpd */
	{ LODGE_X86_MAP_0F, 0x6e, 0x66, FROM_GPR, 0, 0 },	/* movd, movq */
	{ LODGE_X86_MAP_0F, 0x6f, 0x66, LOAD, 0, ALIGNED },	/* movdqa */
	{ LODGE_X86_MAP_0F, 0x6f, 0xf3, LOAD, 0, 0 },		/* movdqu */
	{ LODGE_X86_MAP_0F, 0x7e, 0x66, TO_GPR, 0, 0 },
	{ LODGE_X86_MAP_0F, 0x7e, 0xf3, LOAD_ZERO, 8, 0 },	/* movq */
	{ LODGE_X86_MAP_0F, 0x7f, 0x66, STORE, 0, ALIGNED },
	{ LODGE_X86_MAP_0F, 0x7f, 0xf3, STORE, 0, 0 },
	{ LODGE_X86_MAP_0F, 0xd6, 0x66, STORE_ZERO, 8, 0 },
	{ LODGE_X86_MAP_0F, 0xe7, 0x66, STORE, 0, ALIGNED | MEMORY },	/* movntdq */
	{ LODGE_X86_MAP_0F, 0xf0, 0xf2, LOAD, 0, MEMORY },	/* lddqu */
	{ LODGE_X86_MAP_0F38, 0x2a, 0x66, LOAD, 0, ALIGNED | MEMORY },	/* movntdqa */
	{ }
};

/* F2 and F3 outrank 66 in choosing the instruction. */
static const struct vector_move *find_move(const struct lodge_x86_insn *insn)
{
	u8 prefix = insn->rep ?: insn->prefix_66 ? 0x66 : 0;
	const struct vector_move *m;

	for (m = moves; m->opcode; m++)
		if (m->map == insn->map && m->opcode == insn->opcode && m->prefix == prefix)
			return m;
	return NULL;
}

static int check_enabled(struct lodge_x86_emulator *e)
{
	bool sse = !(e->cr0 & CR0_EM) && (e->cr4 & CR4_OSFXSR);
	bool avx = (e->cr4 & CR4_OSXSAVE) && (e->xcr0 & XCR0_SSE_AVX) == XCR0_SSE_AVX;

	if (e->insn.vex ? !avx : !sse)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_UD);
	if (e->cr0 & CR0_TS)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_NM);
	return LODGE_EMU_CONTINUE;
}

/* VEX.vvvv names a second source only where one half is kept. */
static bool uses_vvvv(const struct lodge_x86_emulator *e, const struct vector_move *m)
{
	switch (m->kind) {
	case LOAD_LOW:
	case LOAD_HIGH:
		return true;
	case LOAD_SCALAR:
	case STORE_SCALAR:
		return !lodge_x86_is_memory(e);
	}
	return false;
}

static int check_form(struct lodge_x86_emulator *e, const struct vector_move *m)
{
	const struct lodge_x86_insn *insn = &e->insn;
	bool scalar = m->kind == LOAD_SCALAR || m->kind == STORE_SCALAR;
	bool bad_register = (m->flags & MEMORY) && !lodge_x86_is_memory(e);
	bool bad_vvvv = insn->vex_vvvv && !uses_vvvv(e, m);
	bool bad_l = insn->vex_l && m->kind != LOAD && m->kind != STORE && !scalar;

	if (bad_register || bad_vvvv || bad_l)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_UD);
	return LODGE_EMU_CONTINUE;
}

/* A legacy instruction leaves what lies above 16 bytes alone, a VEX one clears it. */
static void set_vector(struct lodge_x86_emulator *e, unsigned int n, u8 *data)
{
	e->ops->set_sse(e, n, data, e->insn.vex ? 32 : 16);
}

static int memory_at(struct lodge_x86_emulator *e, const struct vector_move *m,
		     unsigned int bytes, unsigned int access, u64 *linear)
{
	u64 offset = lodge_x86_operand_address(e);

	if (m->flags & ALIGNED)
		return lodge_x86_operand_aligned(e, e->insn.seg, offset, bytes, access, linear);
	return lodge_x86_operand_linear(e, e->insn.seg, offset, bytes, access, linear);
}

static int load_bytes(struct lodge_x86_emulator *e, const struct vector_move *m, u8 *data,
		      unsigned int bytes)
{
	u64 linear;
	int r = memory_at(e, m, bytes, LODGE_EMU_READ, &linear);

	return r ?: e->ops->read(e, linear, data, bytes, LODGE_EMU_READ);
}

static int store_bytes(struct lodge_x86_emulator *e, const struct vector_move *m, const u8 *data,
		       unsigned int bytes)
{
	u64 linear;
	int r = memory_at(e, m, bytes, LODGE_EMU_WRITE, &linear);

	return r ?: e->ops->write(e, linear, data, bytes);
}

static int load_full(struct lodge_x86_emulator *e, const struct vector_move *m)
{
	unsigned int bytes = e->insn.vex_l ? 32 : 16;
	u8 data[32] = { 0 };
	int r = LODGE_EMU_CONTINUE;

	if (lodge_x86_is_memory(e))
		r = load_bytes(e, m, data, bytes);
	else
		e->ops->get_sse(e, e->insn.rm, data, bytes);
	if (!r)
		set_vector(e, e->insn.reg, data);
	return r;
}

static int store_full(struct lodge_x86_emulator *e, const struct vector_move *m)
{
	unsigned int bytes = e->insn.vex_l ? 32 : 16;
	u8 data[32] = { 0 };

	e->ops->get_sse(e, e->insn.reg, data, bytes);
	if (lodge_x86_is_memory(e))
		return store_bytes(e, m, data, bytes);
	set_vector(e, e->insn.rm, data);
	return LODGE_EMU_CONTINUE;
}

/* Low bytes of @from into @to; what else is in the low 16 comes from vvvv, or stays. */
static void merge(struct lodge_x86_emulator *e, unsigned int to, unsigned int from,
		  unsigned int bytes)
{
	u8 data[32] = { 0 }, low[16];

	e->ops->get_sse(e, e->insn.vex ? e->insn.vex_vvvv : to, data, 16);
	e->ops->get_sse(e, from, low, 16);
	memcpy(data, low, bytes);
	set_vector(e, to, data);
}

static int load_zero(struct lodge_x86_emulator *e, const struct vector_move *m)
{
	u8 data[32] = { 0 }, source[16];
	int r = LODGE_EMU_CONTINUE;

	if (lodge_x86_is_memory(e)) {
		r = load_bytes(e, m, data, m->bytes);
	} else {
		e->ops->get_sse(e, e->insn.rm, source, 16);
		memcpy(data, source, m->bytes);
	}
	if (!r)
		set_vector(e, e->insn.reg, data);
	return r;
}

static int load_scalar(struct lodge_x86_emulator *e, const struct vector_move *m)
{
	if (lodge_x86_is_memory(e))
		return load_zero(e, m);
	merge(e, e->insn.reg, e->insn.rm, m->bytes);
	return LODGE_EMU_CONTINUE;
}

/* STORE_SCALAR, STORE_ZERO, STORE_LOW */
static int store_low(struct lodge_x86_emulator *e, const struct vector_move *m)
{
	u8 data[32] = { 0 }, source[16];

	e->ops->get_sse(e, e->insn.reg, source, 16);
	if (lodge_x86_is_memory(e))
		return store_bytes(e, m, source, m->bytes);
	if (m->kind == STORE_SCALAR) {
		merge(e, e->insn.rm, e->insn.reg, m->bytes);
		return LODGE_EMU_CONTINUE;
	}
	memcpy(data, source, m->bytes);
	set_vector(e, e->insn.rm, data);
	return LODGE_EMU_CONTINUE;
}

static int store_high(struct lodge_x86_emulator *e, const struct vector_move *m)
{
	u8 source[16];

	e->ops->get_sse(e, e->insn.reg, source, 16);
	return store_bytes(e, m, source + 8, 8);
}

/* movlps, movhps; between registers the halves cross over (movhlps, movlhps). */
static int load_half(struct lodge_x86_emulator *e, const struct vector_move *m)
{
	bool high = m->kind == LOAD_HIGH;
	u8 data[32] = { 0 }, source[16], half[8];
	int r = LODGE_EMU_CONTINUE;

	if (lodge_x86_is_memory(e)) {
		r = load_bytes(e, m, half, 8);
	} else {
		e->ops->get_sse(e, e->insn.rm, source, 16);
		memcpy(half, source + (high ? 0 : 8), 8);
	}
	if (r)
		return r;
	e->ops->get_sse(e, e->insn.vex ? e->insn.vex_vvvv : e->insn.reg, data, 16);
	memcpy(data + (high ? 8 : 0), half, 8);
	set_vector(e, e->insn.reg, data);
	return LODGE_EMU_CONTINUE;
}

static int from_gpr(struct lodge_x86_emulator *e)
{
	u8 data[32] = { 0 };
	u64 value;
	int r = lodge_x86_operand_read(e, e->insn.op_bytes == 8 ? 8 : 4, &value);

	if (r)
		return r;
	memcpy(data, &value, sizeof(value));
	set_vector(e, e->insn.reg, data);
	return LODGE_EMU_CONTINUE;
}

static int to_gpr(struct lodge_x86_emulator *e)
{
	u8 data[16];
	u64 value;

	e->ops->get_sse(e, e->insn.reg, data, 16);
	memcpy(&value, data, sizeof(value));
	return lodge_x86_operand_write(e, e->insn.op_bytes == 8 ? 8 : 4, value);
}

static int do_move(struct lodge_x86_emulator *e, const struct vector_move *m)
{
	switch (m->kind) {
	case LOAD:
		return load_full(e, m);
	case STORE:
		return store_full(e, m);
	case LOAD_SCALAR:
		return load_scalar(e, m);
	case LOAD_ZERO:
		return load_zero(e, m);
	case STORE_SCALAR:
	case STORE_ZERO:
	case STORE_LOW:
		return store_low(e, m);
	case LOAD_LOW:
	case LOAD_HIGH:
		return load_half(e, m);
	case STORE_HIGH:
		return store_high(e, m);
	case FROM_GPR:
		return from_gpr(e);
	case TO_GPR:
		return to_gpr(e);
	}
	return LODGE_EMU_UNHANDLEABLE;
}

static int run_vector_move(struct lodge_x86_emulator *e)
{
	const struct vector_move *m = find_move(&e->insn);
	int r;

	if (!m || !e->ops->get_sse || !e->ops->set_sse)
		return LODGE_EMU_UNHANDLEABLE;
	r = check_enabled(e);
	if (!r)
		r = check_form(e, m);
	return r ?: do_move(e, m);
}

#define BOTH(map, first, last)				\
	{ map, first, last, 0, false, run_vector_move },	\
	{ map, first, last, 0, true, run_vector_move }

const struct lodge_x86_handler lodge_x86_sse_handlers[] = {
	BOTH(LODGE_X86_MAP_0F, 0x10, 0x17),
	BOTH(LODGE_X86_MAP_0F, 0x28, 0x2b),
	BOTH(LODGE_X86_MAP_0F, 0x6e, 0x6f),
	BOTH(LODGE_X86_MAP_0F, 0x7e, 0x7f),
	BOTH(LODGE_X86_MAP_0F, 0xd6, 0xd6),
	BOTH(LODGE_X86_MAP_0F, 0xe7, 0xe7),
	BOTH(LODGE_X86_MAP_0F, 0xf0, 0xf0),
	BOTH(LODGE_X86_MAP_0F38, 0x2a, 0x2a),
	{ }
};
