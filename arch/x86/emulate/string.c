// SPDX-License-Identifier: GPL-2.0
/*
 * String instructions. A step changes registers only after its last access, so
 * that after each iteration the registers are what the architecture says.
 */
#include <linux/types.h>

#include "internal.h"

static u64 index_reg(const struct lodge_x86_emulator *e, enum lodge_x86_gpr reg)
{
	return lodge_x86_operand_reg(e, reg, e->insn.addr_bytes);
}

/**
 * lodge_x86_string_advance() - move an index register over one element or block
 * @e: emulator
 * @reg: LODGE_X86_RSI or LODGE_X86_RDI
 * @bytes: size; RFLAGS.DF turns the direction
 *
 * Context: any.
 */
void lodge_x86_string_advance(struct lodge_x86_emulator *e, enum lodge_x86_gpr reg,
			      unsigned int bytes)
{
	s64 distance = e->rflags & LODGE_X86_DF ? -(s64)bytes : (s64)bytes;

	lodge_x86_operand_set_reg(e, reg, e->insn.addr_bytes, index_reg(e, reg) + distance);
}

static bool may_go_on(const struct lodge_x86_emulator *e, u32 done)
{
	return !e->stop && !(e->rflags & LODGE_X86_TF) && done < e->max_iterations;
}

/**
 * lodge_x86_string_repeat() - do a string instruction's steps as its REP prefix says
 * @e: emulator
 * @step: does at most *n elements, sets *n to how many it did, and changes the index registers
 * @more: after a step: does the repetition go on? NULL: always
 *
 * Each step's result is kept whatever happens to the next one.
 * Context: as the steps.
 * Return: enum lodge_emu_result or LODGE_EMU_AGAIN.
 */
int lodge_x86_string_repeat(struct lodge_x86_emulator *e,
			    int (*step)(struct lodge_x86_emulator *e, u64 *n),
			    bool (*more)(const struct lodge_x86_emulator *e))
{
	u64 left = index_reg(e, LODGE_X86_RCX), n = 1;
	u32 done = 0;
	int r;

	if (!e->insn.rep)
		return step(e, &n);
	while (left) {
		n = left;
		r = step(e, &n);
		if (r)
			return r;
		left -= n;
		lodge_x86_operand_set_reg(e, LODGE_X86_RCX, e->insn.addr_bytes, left);
		lodge_x86_execute_save(e, e->saved.rip);
		if (more && !more(e))
			break;
		if (left && !may_go_on(e, ++done))
			return LODGE_EMU_AGAIN;
	}
	return LODGE_EMU_CONTINUE;
}

static int load_source(struct lodge_x86_emulator *e, u64 *value)
{
	*value = 0;
	return lodge_x86_operand_load(e, e->insn.seg, index_reg(e, LODGE_X86_RSI), value,
				      lodge_x86_operand_bytes(e), LODGE_EMU_READ);
}

static int load_destination(struct lodge_x86_emulator *e, u64 *value)
{
	*value = 0;
	return lodge_x86_operand_load(e, LODGE_X86_ES, index_reg(e, LODGE_X86_RDI), value,
				      lodge_x86_operand_bytes(e), LODGE_EMU_READ);
}

static int store_destination(struct lodge_x86_emulator *e, u64 value)
{
	return lodge_x86_operand_store(e, LODGE_X86_ES, index_reg(e, LODGE_X86_RDI), &value,
				       lodge_x86_operand_bytes(e));
}

static int step_movs(struct lodge_x86_emulator *e, u64 *n)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 value;
	int r = load_source(e, &value);

	if (r == LODGE_EMU_IO_NEEDED)
		return lodge_x86_operand_check(e, LODGE_X86_ES, index_reg(e, LODGE_X86_RDI),
					       bytes, LODGE_EMU_WRITE) ?: r;
	if (!r)
		r = store_destination(e, value);
	if (r)
		return r;
	*n = 1;
	lodge_x86_string_advance(e, LODGE_X86_RSI, bytes);
	lodge_x86_string_advance(e, LODGE_X86_RDI, bytes);
	return LODGE_EMU_CONTINUE;
}

static int step_cmps(struct lodge_x86_emulator *e, u64 *n)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 a, b;
	int r = load_source(e, &a);

	if (!r)
		r = load_destination(e, &b);
	if (r)
		return r;
	*n = 1;
	lodge_x86_alu_compute(e, LODGE_X86_CMP, a, b, bytes);
	lodge_x86_string_advance(e, LODGE_X86_RSI, bytes);
	lodge_x86_string_advance(e, LODGE_X86_RDI, bytes);
	return LODGE_EMU_CONTINUE;
}

static int step_stos(struct lodge_x86_emulator *e, u64 *n)
{
	int r = store_destination(e, e->gpr[LODGE_X86_RAX]);

	if (r)
		return r;
	*n = 1;
	lodge_x86_string_advance(e, LODGE_X86_RDI, lodge_x86_operand_bytes(e));
	return LODGE_EMU_CONTINUE;
}

static int step_lods(struct lodge_x86_emulator *e, u64 *n)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 value;
	int r = load_source(e, &value);

	if (r)
		return r;
	*n = 1;
	lodge_x86_operand_set_reg(e, LODGE_X86_RAX, bytes, value);
	lodge_x86_string_advance(e, LODGE_X86_RSI, bytes);
	return LODGE_EMU_CONTINUE;
}

static int step_scas(struct lodge_x86_emulator *e, u64 *n)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 value;
	int r = load_destination(e, &value);

	if (r)
		return r;
	*n = 1;
	lodge_x86_alu_compute(e, LODGE_X86_CMP, lodge_x86_operand_reg(e, LODGE_X86_RAX, bytes),
			      value, bytes);
	lodge_x86_string_advance(e, LODGE_X86_RDI, bytes);
	return LODGE_EMU_CONTINUE;
}

/* F3 repeats comparisons while equal, F2 while not. */
static bool comparison_goes_on(const struct lodge_x86_emulator *e)
{
	return !!(e->rflags & LODGE_X86_ZF) == (e->insn.rep == 0xf3);
}

static int run_movs(struct lodge_x86_emulator *e)
{
	return lodge_x86_string_repeat(e, step_movs, NULL);
}

static int run_cmps(struct lodge_x86_emulator *e)
{
	return lodge_x86_string_repeat(e, step_cmps, comparison_goes_on);
}

static int run_stos(struct lodge_x86_emulator *e)
{
	return lodge_x86_string_repeat(e, step_stos, NULL);
}

static int run_lods(struct lodge_x86_emulator *e)
{
	return lodge_x86_string_repeat(e, step_lods, NULL);
}

static int run_scas(struct lodge_x86_emulator *e)
{
	return lodge_x86_string_repeat(e, step_scas, comparison_goes_on);
}

const struct lodge_x86_handler lodge_x86_string_handlers[] = {
	{ LODGE_X86_MAP_1, 0xa4, 0xa5, 0, false, run_movs },
	{ LODGE_X86_MAP_1, 0xa6, 0xa7, 0, false, run_cmps },
	{ LODGE_X86_MAP_1, 0xaa, 0xab, 0, false, run_stos },
	{ LODGE_X86_MAP_1, 0xac, 0xad, 0, false, run_lods },
	{ LODGE_X86_MAP_1, 0xae, 0xaf, 0, false, run_scas },
	{ }
};
