// SPDX-License-Identifier: GPL-2.0
/*
 * Port input and output. Repeated string forms move a block at a time: as many
 * elements as lie in one page, in the buffer and below the index register's wrap.
 * How many depends on registers and segments alone, so a re-run asks for the same.
 */
#include <linux/types.h>

#include "internal.h"

#define PAGE_BYTES	4096
#define IOPL_SHIFT	12

static unsigned int port_bytes(const struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);

	return bytes == 8 ? 4 : bytes;
}

static int check_port(struct lodge_x86_emulator *e, u16 port, unsigned int size)
{
	bool real = e->mode == LODGE_X86_REAL16 || e->mode == LODGE_X86_REAL32;
	unsigned int iopl = (e->rflags & LODGE_X86_IOPL) >> IOPL_SHIFT;

	if (real || (e->mode != LODGE_X86_VM86 && e->cpl <= iopl))
		return LODGE_EMU_CONTINUE;
	return e->ops->check_io ? e->ops->check_io(e, port, size) : LODGE_EMU_UNHANDLEABLE;
}

static u16 port_of(const struct lodge_x86_emulator *e)
{
	return e->insn.opcode >= 0xec ? e->gpr[LODGE_X86_RDX] & 0xffff : e->insn.imm & 0xff;
}

static int run_in(struct lodge_x86_emulator *e)
{
	unsigned int bytes = port_bytes(e);
	u16 port = port_of(e);
	u64 value = 0;
	int r = check_port(e, port, bytes);

	if (!r)
		r = e->ops->pio_in(e, port, bytes, 1, &value);
	if (!r)
		lodge_x86_operand_set_reg(e, LODGE_X86_RAX, bytes, value);
	return r;
}

static int run_out(struct lodge_x86_emulator *e)
{
	unsigned int bytes = port_bytes(e);
	u16 port = port_of(e);
	int r = check_port(e, port, bytes);

	return r ?: e->ops->pio_out(e, port, bytes, 1, &e->gpr[LODGE_X86_RAX]);
}

/* A downward string goes element by element; so does one that straddles a page or a wrap. */
static u64 block_elements(const struct lodge_x86_emulator *e, u64 linear, u64 offset,
			  unsigned int bytes)
{
	u64 page = (PAGE_BYTES - (linear & (PAGE_BYTES - 1))) / bytes;
	u64 wrap = (lodge_x86_mask(e->insn.addr_bytes) - offset) / bytes;
	u64 n = LODGE_EMU_BUFFER / bytes;

	if (e->rflags & LODGE_X86_DF)
		return 1;
	if (n > page)
		n = page;
	if (n > wrap)
		n = wrap;
	return n ?: 1;
}

/* The block's address, and *n cut down to what the block and the segment hold. */
static int find_block(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
		      unsigned int access, u64 *linear, u64 *n)
{
	unsigned int bytes = port_bytes(e);
	u64 most, last;
	int r = lodge_x86_operand_linear(e, seg, offset, bytes, access, linear);

	if (r)
		return r;
	most = block_elements(e, *linear, offset, bytes);
	if (*n > most)
		*n = most;
	while (*n > 1 && lodge_x86_operand_linear(e, seg, offset + (*n - 1) * bytes, bytes,
						  access, &last))
		*n /= 2;
	return LODGE_EMU_CONTINUE;
}

static int step_ins(struct lodge_x86_emulator *e, u64 *n)
{
	u64 offset = lodge_x86_operand_reg(e, LODGE_X86_RDI, e->insn.addr_bytes);
	u16 port = e->gpr[LODGE_X86_RDX];
	unsigned int bytes = port_bytes(e);
	u64 linear;
	int r = check_port(e, port, bytes);

	if (!r)
		r = find_block(e, LODGE_X86_ES, offset, LODGE_EMU_WRITE, &linear, n);
	if (!r)
		r = e->ops->check(e, linear, *n * bytes, LODGE_EMU_WRITE);
	if (!r)
		r = e->ops->pio_in(e, port, bytes, *n, e->buffer);
	if (!r)
		r = e->ops->write(e, linear, e->buffer, *n * bytes);
	if (!r)
		lodge_x86_string_advance(e, LODGE_X86_RDI, *n * bytes);
	return r;
}

static int step_outs(struct lodge_x86_emulator *e, u64 *n)
{
	u64 offset = lodge_x86_operand_reg(e, LODGE_X86_RSI, e->insn.addr_bytes);
	u16 port = e->gpr[LODGE_X86_RDX];
	unsigned int bytes = port_bytes(e);
	u64 linear;
	int r = check_port(e, port, bytes);

	if (!r)
		r = find_block(e, e->insn.seg, offset, LODGE_EMU_READ, &linear, n);
	if (!r)
		r = e->ops->read(e, linear, e->buffer, *n * bytes, LODGE_EMU_READ);
	if (!r)
		r = e->ops->pio_out(e, port, bytes, *n, e->buffer);
	if (!r)
		lodge_x86_string_advance(e, LODGE_X86_RSI, *n * bytes);
	return r;
}

static int run_ins(struct lodge_x86_emulator *e)
{
	return lodge_x86_string_repeat(e, step_ins, NULL);
}

static int run_outs(struct lodge_x86_emulator *e)
{
	return lodge_x86_string_repeat(e, step_outs, NULL);
}

const struct lodge_x86_handler lodge_x86_port_handlers[] = {
	{ LODGE_X86_MAP_1, 0x6c, 0x6d, 0, false, run_ins },
	{ LODGE_X86_MAP_1, 0x6e, 0x6f, 0, false, run_outs },
	{ LODGE_X86_MAP_1, 0xe4, 0xe5, 0, false, run_in },
	{ LODGE_X86_MAP_1, 0xe6, 0xe7, 0, false, run_out },
	{ LODGE_X86_MAP_1, 0xec, 0xed, 0, false, run_in },
	{ LODGE_X86_MAP_1, 0xee, 0xef, 0, false, run_out },
	{ }
};
