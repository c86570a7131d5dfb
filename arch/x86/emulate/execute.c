// SPDX-License-Identifier: GPL-2.0
/* One instruction: fetch, decode, find who does it, and keep or undo what it did. */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>

#include "internal.h"

#define PAGE_BYTES	4096

static const struct lodge_x86_handler *const topics[] = {
	lodge_x86_move_handlers,	/* nearly all that drivers do to devices */
	lodge_x86_alu_handlers,
	lodge_x86_bits_handlers,
	lodge_x86_bmi_handlers,
	lodge_x86_muldiv_handlers,
	lodge_x86_port_handlers,
	lodge_x86_shift_handlers,
	lodge_x86_sse_handlers,
	lodge_x86_stack_handlers,
	lodge_x86_string_handlers,
};

static bool handles(const struct lodge_x86_handler *h, const struct lodge_x86_emulator *e)
{
	const struct lodge_x86_insn *insn = &e->insn;

	return h->map == insn->map && h->vex == insn->vex &&
	       insn->opcode >= h->first && insn->opcode <= h->last &&
	       (!h->members || (h->members & (1 << lodge_x86_group(e))));
}

static int run_handler(struct lodge_x86_emulator *e)
{
	const struct lodge_x86_handler *h;
	unsigned int i;

	for (i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		for (h = topics[i]; h->run; h++)
			if (handles(h, e))
				return h->run(e);
	return LODGE_EMU_UNHANDLEABLE;
}

/* How many of @n bytes, at least one, CS's limit leaves. */
static unsigned int within_code(struct lodge_x86_emulator *e, u64 offset, unsigned int n)
{
	u64 unused;

	while (n > 1 && lodge_x86_operand_linear(e, LODGE_X86_CS, offset, n, LODGE_EMU_FETCH, &unused))
		n--;
	return n;
}

/* As much as the page, CS and the longest instruction leave. */
static int fetch_more(struct lodge_x86_emulator *e)
{
	unsigned int n = LODGE_X86_MAX_INSN - e->nr_bytes;
	u64 offset = e->rip + e->nr_bytes;
	u64 linear;
	int r;

	if (e->mode != LODGE_X86_LONG64)
		offset = (u32)offset;
	r = lodge_x86_operand_linear(e, LODGE_X86_CS, offset, 1, LODGE_EMU_FETCH, &linear);
	if (r)
		return r;
	if (n > PAGE_BYTES - (linear & (PAGE_BYTES - 1)))
		n = PAGE_BYTES - (linear & (PAGE_BYTES - 1));
	/* In long mode there is no limit, and a page is canonical as a whole. */
	if (e->mode != LODGE_X86_LONG64)
		n = within_code(e, offset, n);
	r = e->ops->read(e, linear, e->bytes + e->nr_bytes, n, LODGE_EMU_FETCH);
	if (r == LODGE_EMU_IO_NEEDED)
		r = LODGE_EMU_UNHANDLEABLE;
	if (!r)
		e->nr_bytes += n;
	return r;
}

static int fetch_and_decode(struct lodge_x86_emulator *e)
{
	int length, r;

	if (e->again == e->mode + 1)
		return LODGE_EMU_CONTINUE;
	if (e->nr_bytes > LODGE_X86_MAX_INSN)
		e->nr_bytes = LODGE_X86_MAX_INSN;
	for (;;) {
		length = e->nr_bytes ? lodge_x86_decode(&e->insn, e->bytes, e->nr_bytes, e->mode) : -ENODATA;
		if (length != -ENODATA)
			break;
		r = fetch_more(e);
		if (r)
			return r;
	}
	if (length == -E2BIG)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_GP);
	if (length == -EINVAL)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_UD);
	return length > 0 ? LODGE_EMU_CONTINUE : LODGE_EMU_UNHANDLEABLE;
}

/**
 * lodge_x86_execute_save() - make the present registers those that a failure goes back to
 * @e: emulator
 * @rip: the RIP to go back to
 *
 * Context: any.
 */
void lodge_x86_execute_save(struct lodge_x86_emulator *e, u64 rip)
{
	memcpy(e->saved.gpr, e->gpr, sizeof(e->gpr));
	e->saved.rip = rip;
	e->saved.rflags = e->rflags;
}

static void restore(struct lodge_x86_emulator *e)
{
	memcpy(e->gpr, e->saved.gpr, sizeof(e->gpr));
	e->rip = e->saved.rip;
	e->rflags = e->saved.rflags;
}

static int finish(struct lodge_x86_emulator *e, int r)
{
	e->again = r == LODGE_EMU_IO_NEEDED ? e->mode + 1 : 0;
	switch (r) {
	case LODGE_EMU_CONTINUE:
		e->retired = true;
		return LODGE_EMU_CONTINUE;
	case LODGE_EMU_AGAIN:
		e->rip = e->saved.rip;
		return LODGE_EMU_CONTINUE;
	case LODGE_EMU_RETRY:
		restore(e);
		return LODGE_EMU_CONTINUE;
	}
	restore(e);
	e->shadow = false;
	return r;
}

/**
 * lodge_x86_emulate() - do one instruction
 * @e: emulator, filled as emulate.h says
 *
 * Context: may sleep if the operations do.
 * Return: enum lodge_emu_result.
 */
int lodge_x86_emulate(struct lodge_x86_emulator *e)
{
	int r;

	e->retired = false;
	e->stop = false;
	e->shadow = false;
	lodge_x86_execute_save(e, e->rip);
	r = fetch_and_decode(e);
	if (r)
		return r;
	e->rip += e->insn.length;
	if (e->mode != LODGE_X86_LONG64)
		e->rip = (u32)e->rip;
	return finish(e, run_handler(e));
}
