// SPDX-License-Identifier: GPL-2.0
/* From bytes to struct lodge_x86_insn. Pure: no memory, no processor state but the mode. */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>

#include "decode_table.h"
#include "emulate.h"

struct cursor {
	struct lodge_x86_insn *insn;
	const u8 *bytes;
	unsigned int n;
	unsigned int pos;
	enum lodge_x86_mode mode;
};

/* The next byte, or why there is none. A 16th byte is refused without being looked at. */
static int next_byte(struct cursor *c)
{
	if (c->pos >= LODGE_X86_MAX_INSN)
		return -E2BIG;
	if (c->pos >= c->n)
		return -ENODATA;
	return c->bytes[c->pos++];
}

static int next_le(struct cursor *c, unsigned int bytes, u64 *value)
{
	unsigned int i;
	int byte;

	*value = 0;
	for (i = 0; i < bytes; i++) {
		byte = next_byte(c);
		if (byte < 0)
			return byte;
		*value |= (u64)byte << (8 * i);
	}
	return 0;
}

static u64 sign_extend(u64 value, unsigned int bytes)
{
	unsigned int shift = 64 - 8 * bytes;

	return bytes ? (u64)((s64)(value << shift) >> shift) : 0;
}

static bool is_long(const struct cursor *c)
{
	return c->mode == LODGE_X86_LONG64;
}

static bool is_16bit(enum lodge_x86_mode mode)
{
	return mode == LODGE_X86_REAL16 || mode == LODGE_X86_VM86 || mode == LODGE_X86_PROT16;
}

static bool is_protected(enum lodge_x86_mode mode)
{
	return mode >= LODGE_X86_PROT16;
}

/* In long mode the ES, CS, SS and DS overrides do nothing, not even undo an FS or GS one. */
static void take_segment(struct cursor *c, enum lodge_x86_seg seg)
{
	if (is_long(c) && seg < LODGE_X86_FS)
		return;
	c->insn->seg = seg;
	c->insn->seg_override = true;
}

static bool take_prefix(struct cursor *c, u8 byte)
{
	struct lodge_x86_insn *insn = c->insn;

	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		take_segment(c, (byte >> 3) & 3);
		return true;
	case 0x64:
	case 0x65:
		take_segment(c, LODGE_X86_FS + (byte & 1));
		return true;
	case 0x66:
		insn->prefix_66 = true;
		return true;
	case 0x67:
		insn->prefix_67 = true;
		return true;
	case 0xf0:
		insn->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		insn->rep = byte;
		return true;
	}
	return false;
}

/* A REX byte counts only directly before the opcode. Returns the first byte after the prefixes. */
static int take_prefixes(struct cursor *c)
{
	struct lodge_x86_insn *insn = c->insn;
	int byte;

	for (;;) {
		byte = next_byte(c);
		if (byte < 0)
			return byte;
		if (is_long(c) && (byte & 0xf0) == 0x40) {
			insn->rex = byte;
			continue;
		}
		if (!take_prefix(c, byte))
			return byte;
		insn->rex = 0;
	}
}

static int take_opcode(struct cursor *c, int byte)
{
	struct lodge_x86_insn *insn = c->insn;

	insn->map = LODGE_X86_MAP_1;
	if (byte == 0x0f) {
		insn->map = LODGE_X86_MAP_0F;
		byte = next_byte(c);
		if (byte == 0x38 || byte == 0x3a) {
			insn->map = byte == 0x38 ? LODGE_X86_MAP_0F38 : LODGE_X86_MAP_0F3A;
			byte = next_byte(c);
		}
	}
	if (byte < 0)
		return byte;
	insn->opcode = byte;
	return 0;
}

/*
 * C4 and C5 are VEX in long mode, and elsewhere in protected mode if what follows
 * would make them LES or LDS of a register. 1: VEX, 0: not, or an error.
 */
static int is_vex(struct cursor *c, int byte)
{
	if (byte != 0xc4 && byte != 0xc5)
		return 0;
	if (is_long(c))
		return 1;
	if (c->pos >= LODGE_X86_MAX_INSN)
		return -E2BIG;
	if (c->pos >= c->n)
		return -ENODATA;
	return is_protected(c->mode) && (c->bytes[c->pos] & 0xc0) == 0xc0;
}

/* The last VEX byte: W (or R in the short form), vvvv, L, pp. */
static void take_vex_tail(struct lodge_x86_insn *insn, u8 byte, bool is_64)
{
	static const u8 rep_of_pp[4] = { 0, 0, 0xf3, 0xf2 };

	insn->vex = true;
	insn->vex_vvvv = (~byte >> 3) & (is_64 ? 15 : 7);
	insn->vex_l = byte & 4;
	insn->prefix_66 = (byte & 3) == 1;
	insn->rep = rep_of_pp[byte & 3];
}

/* VEX carries what REX does; the extension bits are stored inverted. */
static int take_vex(struct cursor *c, int escape)
{
	struct lodge_x86_insn *insn = c->insn;
	bool illegal = insn->prefix_66 || insn->rep || insn->lock || insn->rex;
	unsigned int map = LODGE_X86_MAP_0F;
	int first = next_byte(c);
	int last = escape == 0xc5 ? first : next_byte(c);
	int opcode = next_byte(c);

	if (opcode < 0 || first < 0 || last < 0)
		return first < 0 ? first : last < 0 ? last : opcode;
	if (illegal)
		return -EINVAL;
	insn->rex = (~first >> 5) & (escape == 0xc5 ? 4 : 7);
	if (escape == 0xc4) {
		map = first & 0x1f;
		insn->rex |= last & 0x80 ? 8 : 0;
	}
	if (!is_long(c))
		insn->rex &= 8;
	if (map < LODGE_X86_MAP_0F || map > LODGE_X86_MAP_0F3A)
		return -EOPNOTSUPP;
	take_vex_tail(insn, last, is_long(c));
	insn->map = map;
	insn->opcode = opcode;
	return 0;
}

/* EVEX, XOP and what the tables do not name. */
static int check_known(struct cursor *c)
{
	struct lodge_x86_insn *insn = c->insn;
	u32 attr = lodge_x86_decode_table[insn->map][insn->opcode];

	insn->attr = attr;
	if (attr & LODGE_X86_OP_UD)
		return -EINVAL;
	if (insn->map == LODGE_X86_MAP_1 && insn->opcode == 0x62 && is_long(c))
		return -EOPNOTSUPP;
	if (!attr)
		return -EOPNOTSUPP;
	if ((attr & LODGE_X86_OP_NO64) && is_long(c))
		return -EINVAL;
	if (insn->vex && !(attr & (LODGE_X86_OP_VEX | LODGE_X86_OP_VEXONLY)))
		return -EOPNOTSUPP;
	if (!insn->vex && (attr & LODGE_X86_OP_VEXONLY))
		return -EOPNOTSUPP;
	return 0;
}

static unsigned int operand_bytes(const struct cursor *c)
{
	const struct lodge_x86_insn *insn = c->insn;
	bool word = is_16bit(c->mode) != insn->prefix_66;

	if (insn->vex_w && is_long(c))
		return 8;
	if (insn->vex)
		return 4;
	if (is_long(c) && (insn->attr & LODGE_X86_OP_D64))
		return insn->prefix_66 ? 2 : 8;
	return word ? 2 : 4;
}

static unsigned int address_bytes(const struct cursor *c)
{
	if (is_long(c))
		return c->insn->prefix_67 ? 4 : 8;
	return is_16bit(c->mode) != c->insn->prefix_67 ? 2 : 4;
}

static void set_sizes(struct cursor *c)
{
	struct lodge_x86_insn *insn = c->insn;

	insn->vex_w = (insn->rex & 8) && (is_long(c) || insn->vex);
	insn->op_bytes = operand_bytes(c);
	insn->addr_bytes = address_bytes(c);
	insn->stack_64 = is_long(c) && (insn->attr & LODGE_X86_OP_D64);
	if (insn->attr & LODGE_X86_OP_CRDR)
		insn->op_bytes = is_long(c) ? 8 : 4;
}

/* Stack segment for addresses based on the stack or frame pointer. */
static void set_base(struct lodge_x86_insn *insn, u8 base)
{
	insn->base = base;
	if (!insn->seg_override && (base == LODGE_X86_RSP || base == LODGE_X86_RBP))
		insn->seg = LODGE_X86_SS;
}

static int take_disp(struct cursor *c, unsigned int bytes)
{
	u64 disp;
	int err = next_le(c, bytes, &disp);

	c->insn->disp = sign_extend(disp, bytes);
	return err;
}

static int take_address_16(struct cursor *c)
{
	static const u8 base[8] = {
		LODGE_X86_RBX, LODGE_X86_RBX, LODGE_X86_RBP, LODGE_X86_RBP,
		LODGE_X86_RSI, LODGE_X86_RDI, LODGE_X86_RBP, LODGE_X86_RBX,
	};
	struct lodge_x86_insn *insn = c->insn;
	u8 rm = insn->modrm & 7;

	if (insn->mod == 0 && rm == 6)
		return take_disp(c, 2);
	set_base(insn, base[rm]);
	if (rm < 4)
		insn->index = rm & 1 ? LODGE_X86_RDI : LODGE_X86_RSI;
	return take_disp(c, insn->mod);
}

/* Index 4 means none, but with REX.X it is R12; base 5 with mod 0 means none. */
static int take_sib(struct cursor *c)
{
	struct lodge_x86_insn *insn = c->insn;
	int sib = next_byte(c);
	u8 index;

	if (sib < 0)
		return sib;
	index = ((sib >> 3) & 7) | (insn->rex & 2 ? 8 : 0);
	insn->scale = sib >> 6;
	if (index != 4)
		insn->index = index;
	if (insn->mod == 0 && (sib & 7) == 5)
		return take_disp(c, 4);
	set_base(insn, (sib & 7) | (insn->rex & 1 ? 8 : 0));
	return take_disp(c, insn->mod == 2 ? 4 : insn->mod);
}

static int take_address_32(struct cursor *c)
{
	struct lodge_x86_insn *insn = c->insn;
	u8 rm = insn->modrm & 7;

	if (rm == 4)
		return take_sib(c);
	if (insn->mod == 0 && rm == 5) {
		insn->rip_relative = is_long(c);
		return take_disp(c, 4);
	}
	set_base(insn, rm | (insn->rex & 1 ? 8 : 0));
	return take_disp(c, insn->mod == 2 ? 4 : insn->mod);
}

static int take_modrm(struct cursor *c)
{
	struct lodge_x86_insn *insn = c->insn;
	int modrm;

	if (!(insn->attr & LODGE_X86_OP_MODRM))
		return 0;
	modrm = next_byte(c);
	if (modrm < 0)
		return modrm;
	insn->has_modrm = true;
	insn->modrm = modrm;
	insn->mod = insn->attr & LODGE_X86_OP_CRDR ? 3 : modrm >> 6;
	insn->reg = ((modrm >> 3) & 7) | (insn->rex & 4 ? 8 : 0);
	insn->rm = (modrm & 7) | (insn->rex & 1 ? 8 : 0);
	if (insn->mod == 3)
		return 0;
	return insn->addr_bytes == 2 ? take_address_16(c) : take_address_32(c);
}

static int take_imm(struct cursor *c, unsigned int bytes)
{
	struct lodge_x86_insn *insn = c->insn;
	int err = next_le(c, bytes, &insn->imm);

	insn->imm = sign_extend(insn->imm, bytes);
	insn->imm_bytes = bytes;
	return err;
}

static int take_imm2(struct cursor *c, unsigned int bytes)
{
	u64 value;
	int err = next_le(c, bytes, &value);

	c->insn->imm2 = value;
	return err;
}

static int take_moffs(struct cursor *c)
{
	u64 address;
	int err = next_le(c, c->insn->addr_bytes, &address);

	c->insn->disp = address;
	return err;
}

static int take_extrq(struct cursor *c)
{
	if (!c->insn->prefix_66 && c->insn->rep != 0xf2)
		return -EOPNOTSUPP;
	return take_imm(c, 1) ?: take_imm2(c, 1);
}

static int take_immediate(struct cursor *c)
{
	struct lodge_x86_insn *insn = c->insn;
	unsigned int word = insn->op_bytes == 2 ? 2 : 4;
	unsigned int size = insn->attr & LODGE_X86_OP_BYTE ? 1 : word;

	switch (insn->attr & LODGE_X86_OP_IMM) {
	case LODGE_X86_OP_IB:
		return take_imm(c, 1);
	case LODGE_X86_OP_IW:
		return take_imm(c, 2);
	case LODGE_X86_OP_IZ:
		return take_imm(c, word);
	case LODGE_X86_OP_IV:
		return take_imm(c, insn->op_bytes);
	case LODGE_X86_OP_FAR:
		return take_imm(c, word) ?: take_imm2(c, 2);
	case LODGE_X86_OP_MOFFS:
		return take_moffs(c);
	case LODGE_X86_OP_ENTER:
		return take_imm(c, 2) ?: take_imm2(c, 1);
	case LODGE_X86_OP_TEST:
		return (insn->modrm & 0x30) ? 0 : take_imm(c, size);
	case LODGE_X86_OP_EXTRQ:
		return take_extrq(c);
	}
	return 0;
}

/* Which ModRM.reg values of a group are instructions; all for what is no group. */
static u8 group_members(const struct lodge_x86_insn *insn)
{
	if (insn->map == LODGE_X86_MAP_0F)
		return insn->opcode == 0xba ? 0xf0 : 0xff;
	if (insn->map != LODGE_X86_MAP_1)
		return 0xff;
	switch (insn->opcode) {
	case 0x8f:
	case 0xc6:
	case 0xc7:
		return 0x01;
	case 0xfe:
		return 0x03;
	case 0xff:
		return 0x7f;
	}
	return 0xff;
}

/* Which ModRM.reg values take LOCK, for the opcodes that do at all. */
static u8 lockable_members(const struct lodge_x86_insn *insn)
{
	if (insn->map == LODGE_X86_MAP_0F)
		return insn->opcode == 0xba ? 0xe0 : insn->opcode == 0xc7 ? 0x02 : 0xff;
	switch (insn->opcode) {
	case 0x80 ... 0x83:
		return 0x7f;
	case 0xf6 ... 0xf7:
		return 0x0c;
	case 0xfe ... 0xff:
		return 0x03;
	}
	return 0xff;
}

/* AMD lets LOCK stand for the missing REX.R of CR8 outside long mode. */
static int check_lock(struct lodge_x86_insn *insn)
{
	u8 member = 1 << ((insn->modrm >> 3) & 7);

	if (!insn->lock)
		return 0;
	if ((insn->attr & LODGE_X86_OP_CRDR) && !(insn->opcode & 1)) {
		insn->reg |= 8;
		return 0;
	}
	if (!(insn->attr & LODGE_X86_OP_LOCK) || insn->mod == 3)
		return -EINVAL;
	return lockable_members(insn) & member ? 0 : -EINVAL;
}

static int check_forms(struct lodge_x86_insn *insn)
{
	if (!insn->has_modrm)
		return insn->lock ? -EINVAL : 0;
	if (insn->map == LODGE_X86_MAP_1 && insn->opcode == 0x62 && insn->mod == 3)
		return -EOPNOTSUPP;
	if ((insn->attr & LODGE_X86_OP_MEM) && insn->mod == 3)
		return -EINVAL;
	if (!(group_members(insn) & (1 << ((insn->modrm >> 3) & 7))))
		return -EOPNOTSUPP;
	return check_lock(insn);
}

/* Group 5: branches and push have the stack's operand size, the others have not. */
static void fix_group5(struct cursor *c)
{
	struct lodge_x86_insn *insn = c->insn;
	u8 member = (insn->modrm >> 3) & 7;

	if (insn->map != LODGE_X86_MAP_1 || insn->opcode != 0xff)
		return;
	if (member != 2 && member != 4 && member != 6)
		return;
	insn->attr |= LODGE_X86_OP_D64;
	set_sizes(c);
}

static int take_all(struct cursor *c)
{
	int byte = take_prefixes(c);
	int vex, err;

	if (byte < 0)
		return byte;
	vex = is_vex(c, byte);
	if (vex < 0)
		return vex;
	err = vex ? take_vex(c, byte) : take_opcode(c, byte);
	if (err)
		return err;
	err = check_known(c);
	if (err)
		return err;
	set_sizes(c);
	err = take_modrm(c);
	if (err)
		return err;
	fix_group5(c);
	return take_immediate(c) ?: check_forms(c->insn);
}

/**
 * lodge_x86_decode() - decode one instruction
 * @insn: filled; undefined on error
 * @bytes: the bytes from the instruction pointer on
 * @n: how many there are
 * @mode: the processor's mode
 *
 * Context: any; touches nothing but its arguments.
 * Return: the length (1 to 15), or -ENODATA if @n bytes are not enough to tell, -E2BIG if it is
 * longer than 15 bytes (#GP), -EINVAL if the architecture defines it as #UD, -EOPNOTSUPP if it
 * is not known here.
 */
int lodge_x86_decode(struct lodge_x86_insn *insn, const u8 *bytes, unsigned int n,
		     enum lodge_x86_mode mode)
{
	struct cursor c = { .insn = insn, .bytes = bytes, .n = n, .mode = mode };
	int err;

	memset(insn, 0, sizeof(*insn));
	insn->seg = LODGE_X86_DS;
	insn->base = LODGE_X86_NO_REG;
	insn->index = LODGE_X86_NO_REG;
	err = take_all(&c);
	if (err)
		return err;
	insn->length = c.pos;
	return c.pos;
}

/**
 * lodge_x86_insn_length() - the length of an instruction, and nothing else
 * @bytes: the bytes from the instruction pointer on
 * @n: how many there are
 * @mode: the processor's mode
 *
 * Context: any.
 * Return: as lodge_x86_decode().
 */
int lodge_x86_insn_length(const u8 *bytes, unsigned int n, enum lodge_x86_mode mode)
{
	struct lodge_x86_insn insn;

	return lodge_x86_decode(&insn, bytes, n, mode);
}

/**
 * lodge_x86_mode() - the decoding mode that control registers and CS make
 * @cr0_pe: CR0.PE
 * @rflags_vm: RFLAGS.VM
 * @lma: EFER.LMA
 * @cs_l: CS.L
 * @cs_d: CS.D
 *
 * Context: any.
 * Return: the mode.
 */
enum lodge_x86_mode lodge_x86_mode(bool cr0_pe, bool rflags_vm, bool lma, bool cs_l, bool cs_d)
{
	if (!cr0_pe)
		return cs_d ? LODGE_X86_REAL32 : LODGE_X86_REAL16;
	if (lma && cs_l)
		return LODGE_X86_LONG64;
	if (rflags_vm)
		return LODGE_X86_VM86;
	return cs_d ? LODGE_X86_PROT32 : LODGE_X86_PROT16;
}
