// SPDX-License-Identifier: GPL-2.0
#include "emulate_cases.h"
#include "emulate.h"

#define CF	0x001u
#define PF	0x004u
#define AF	0x010u
#define ZF	0x040u
#define SF	0x080u
#define OF	0x800u
#define ALL	(CF | PF | AF | ZF | SF | OF)

#define M1	LODGE_X86_MAP_1
#define M2	LODGE_X86_MAP_0F
#define M38	LODGE_X86_MAP_0F38
#define M3A	LODGE_X86_MAP_0F3A

#define RM8	(F_MODRM | F_BYTE)
#define RM	(F_MODRM | F_SIZES)
#define BMI	(F_MODRM | F_WIDE | F_VEX)
#define XMM	(F_MODRM | F_VECTOR)

/* Byte and sized form in neighbouring opcodes. */
#define PAIR(name, map, op, group, form, special, undef)			\
	{ name " b", map, op, group, 0, RM8 | (form), special, undef },		\
	{ name, map, (op) + 1, group, 0, RM | (form), special, undef }

#define BASIC(name, op, lock, undef)						\
	PAIR(name " rm,r", M1, op, -1, lock, S_NONE, undef),			\
	PAIR(name " r,rm", M1, (op) + 2, -1, 0, S_NONE, undef),			\
	{ name " al,imm", M1, (op) + 4, -1, 0, F_BYTE | F_IMM8, S_NONE, undef },	\
	{ name " ax,imm", M1, (op) + 5, -1, 0, F_SIZES | F_IMMZ, S_NONE, undef },	\
	{ name " rm,imm b", M1, 0x80, (op) >> 3, 0, RM8 | F_IMM8 | (lock), S_NONE, undef }, \
	{ name " rm,imm", M1, 0x81, (op) >> 3, 0, RM | F_IMMZ | (lock), S_NONE, undef }, \
	{ name " rm,imm8", M1, 0x83, (op) >> 3, 0, RM | F_IMM8 | (lock), S_NONE, undef }

#define SHIFT(name, group)							\
	PAIR(name " imm", M1, 0xc0, group, F_IMM8, S_SHIFT_IMM, 0),		\
	PAIR(name " 1", M1, 0xd0, group, 0, S_SHIFT_1, 0),			\
	PAIR(name " cl", M1, 0xd2, group, 0, S_SHIFT_CL, 0)

#define BITS(name, op, group, lock)						\
	{ name " rm,r", M2, op, -1, 0, RM | (lock), S_BITS, OF | SF | AF | PF },	\
	{ name " rm,imm", M2, 0xba, group, 0, RM | F_IMM8 | (lock), S_NONE, OF | SF | AF | PF }

/* A legacy and a VEX form. */
#define VECTOR(name, map, op, prefix, form)					\
	{ name, map, op, -1, prefix, XMM | ((form) & ~(F_VEXL | F_VVVV | F_MEMVVVV)), S_NONE, 0 }, \
	{ "v" name, map, op, -1, prefix, XMM | F_VEX | (form), S_NONE, 0 }

#define STRING(name, op)							\
	{ name " b", M1, op, -1, 0, F_BYTE | F_STRING, S_NONE, 0 },		\
	{ name, M1, (op) + 1, -1, 0, F_SIZES | F_STRING, S_NONE, 0 }

const struct emulate_case emulate_cases[] = {
	BASIC("add", 0x00, F_LOCK, 0),
	BASIC("or", 0x08, F_LOCK, AF),
	BASIC("adc", 0x10, F_LOCK, 0),
	BASIC("sbb", 0x18, F_LOCK, 0),
	BASIC("and", 0x20, F_LOCK, AF),
	BASIC("sub", 0x28, F_LOCK, 0),
	BASIC("xor", 0x30, F_LOCK, AF),
	BASIC("cmp", 0x38, 0, 0),
	PAIR("test rm,r", M1, 0x84, -1, 0, S_NONE, AF),
	{ "test rm,imm b", M1, 0xf6, 0, 0, RM8 | F_IMM8, S_NONE, AF },
	{ "test rm,imm", M1, 0xf7, 0, 0, RM | F_IMMZ, S_NONE, AF },
	{ "test rm,imm alias", M1, 0xf7, 1, 0, RM | F_IMMZ, S_NONE, AF },
	{ "test al,imm", M1, 0xa8, -1, 0, F_BYTE | F_IMM8, S_NONE, AF },
	{ "test ax,imm", M1, 0xa9, -1, 0, F_SIZES | F_IMMZ, S_NONE, AF },
	PAIR("not", M1, 0xf6, 2, F_LOCK, S_NONE, 0),
	PAIR("neg", M1, 0xf6, 3, F_LOCK, S_NONE, 0),
	PAIR("inc", M1, 0xfe, 0, F_LOCK, S_NONE, 0),
	PAIR("dec", M1, 0xfe, 1, F_LOCK, S_NONE, 0),
	PAIR("xadd", M2, 0xc0, -1, F_LOCK, S_NONE, 0),
	PAIR("cmpxchg", M2, 0xb0, -1, F_LOCK, S_CMPXCHG, 0),
	{ "cmpxchg8b/16b", M2, 0xc7, 1, 0, F_MODRM | F_WIDE | F_LOCK | F_MEM, S_CMPXCHG_PAIR, 0 },
	{ "adcx", M38, 0xf6, -1, 0x66, F_MODRM | F_WIDE, S_FEATURE, 0 },
	{ "adox", M38, 0xf6, -1, 0xf3, F_MODRM | F_WIDE, S_FEATURE, 0 },

	PAIR("mul", M1, 0xf6, 4, 0, S_NONE, SF | ZF | AF | PF),
	PAIR("imul", M1, 0xf6, 5, 0, S_NONE, SF | ZF | AF | PF),
	PAIR("div", M1, 0xf6, 6, 0, S_DIV, ALL),
	PAIR("idiv", M1, 0xf6, 7, 0, S_DIV, ALL),
	{ "imul r,rm", M2, 0xaf, -1, 0, RM, S_NONE, SF | ZF | AF | PF },
	{ "imul r,rm,imm", M1, 0x69, -1, 0, RM | F_IMMZ, S_NONE, SF | ZF | AF | PF },
	{ "imul r,rm,imm8", M1, 0x6b, -1, 0, RM | F_IMM8, S_NONE, SF | ZF | AF | PF },

	SHIFT("rol", 0), SHIFT("ror", 1), SHIFT("rcl", 2), SHIFT("rcr", 3),
	SHIFT("shl", 4), SHIFT("shr", 5), SHIFT("sal", 6), SHIFT("sar", 7),
	{ "shld imm", M2, 0xa4, -1, 0, RM | F_IMM8, S_SHLD_IMM, 0 },
	{ "shld cl", M2, 0xa5, -1, 0, RM, S_SHLD_CL, 0 },
	{ "shrd imm", M2, 0xac, -1, 0, RM | F_IMM8, S_SHLD_IMM, 0 },
	{ "shrd cl", M2, 0xad, -1, 0, RM, S_SHLD_CL, 0 },

	BITS("bt", 0xa3, 4, 0), BITS("bts", 0xab, 5, F_LOCK),
	BITS("btr", 0xb3, 6, F_LOCK), BITS("btc", 0xbb, 7, F_LOCK),
	{ "bsf", M2, 0xbc, -1, 0, RM, S_SCAN, CF | OF | SF | AF | PF },
	{ "bsr", M2, 0xbd, -1, 0, RM, S_SCAN, CF | OF | SF | AF | PF },
	{ "tzcnt", M2, 0xbc, -1, 0xf3, RM, S_FEATURE, OF | SF | AF | PF },
	{ "lzcnt", M2, 0xbd, -1, 0xf3, RM, S_FEATURE, OF | SF | AF | PF },
	{ "popcnt", M2, 0xb8, -1, 0xf3, RM, S_FEATURE, 0 },
	{ "crc32 b", M38, 0xf0, -1, 0xf2, F_MODRM | F_WIDE | F_BYTE, S_FEATURE, 0 },
	{ "crc32", M38, 0xf1, -1, 0xf2, RM, S_FEATURE, 0 },
	{ "movbe load", M38, 0xf0, -1, 0, RM | F_MEM, S_FEATURE, 0 },
	{ "movbe store", M38, 0xf1, -1, 0, RM | F_MEM, S_FEATURE, 0 },

	{ "andn", M38, 0xf2, -1, 0, BMI | F_VVVV, S_FEATURE, AF | PF },
	{ "blsr", M38, 0xf3, 1, 0, BMI | F_VVVV, S_FEATURE, AF | PF },
	{ "blsmsk", M38, 0xf3, 2, 0, BMI | F_VVVV, S_FEATURE, AF | PF },
	{ "blsi", M38, 0xf3, 3, 0, BMI | F_VVVV, S_FEATURE, AF | PF },
	{ "bzhi", M38, 0xf5, -1, 0, BMI | F_VVVV, S_FEATURE, AF | PF },
	{ "pdep", M38, 0xf5, -1, 0xf2, BMI | F_VVVV, S_FEATURE, 0 },
	{ "pext", M38, 0xf5, -1, 0xf3, BMI | F_VVVV, S_FEATURE, 0 },
	{ "mulx", M38, 0xf6, -1, 0xf2, BMI | F_VVVV, S_FEATURE, 0 },
	{ "bextr", M38, 0xf7, -1, 0, BMI | F_VVVV, S_FEATURE, AF | SF | PF },
	{ "shlx", M38, 0xf7, -1, 0x66, BMI | F_VVVV, S_FEATURE, 0 },
	{ "shrx", M38, 0xf7, -1, 0xf2, BMI | F_VVVV, S_FEATURE, 0 },
	{ "sarx", M38, 0xf7, -1, 0xf3, BMI | F_VVVV, S_FEATURE, 0 },
	{ "rorx", M3A, 0xf0, -1, 0xf2, BMI | F_IMM8, S_FEATURE, 0 },

	PAIR("mov rm,r", M1, 0x88, -1, 0, S_NONE, 0),
	PAIR("mov r,rm", M1, 0x8a, -1, 0, S_NONE, 0),
	{ "mov rm,imm b", M1, 0xc6, 0, 0, RM8 | F_IMM8, S_NONE, 0 },
	{ "mov rm,imm", M1, 0xc7, 0, 0, RM | F_IMMZ, S_NONE, 0 },
	{ "mov al,moffs", M1, 0xa0, -1, 0, F_BYTE | F_MOFFS, S_NONE, 0 },
	{ "mov ax,moffs", M1, 0xa1, -1, 0, F_SIZES | F_MOFFS, S_NONE, 0 },
	{ "mov moffs,al", M1, 0xa2, -1, 0, F_BYTE | F_MOFFS, S_NONE, 0 },
	{ "mov moffs,ax", M1, 0xa3, -1, 0, F_SIZES | F_MOFFS, S_NONE, 0 },
	{ "mov rm,ss", M1, 0x8c, 2, 0, RM, S_NONE, 0 },
	{ "mov rm,gs", M1, 0x8c, 5, 0, RM, S_NONE, 0 },
	{ "movzx b", M2, 0xb6, -1, 0, RM, S_NONE, 0 },
	{ "movzx w", M2, 0xb7, -1, 0, RM, S_NONE, 0 },
	{ "movsx b", M2, 0xbe, -1, 0, RM, S_NONE, 0 },
	{ "movsx w", M2, 0xbf, -1, 0, RM, S_NONE, 0 },
	{ "movsxd", M1, 0x63, -1, 0, RM, S_NONE, 0 },
	PAIR("xchg", M1, 0x86, -1, F_LOCK, S_NONE, 0),
	{ "movnti", M2, 0xc3, -1, 0, F_MODRM | F_WIDE | F_MEM, S_NONE, 0 },
	{ "lea", M1, 0x8d, -1, 0, RM | F_MEM, S_NONE, 0 },
	{ "xlat", M1, 0xd7, -1, 0, F_BYTE, S_XLAT, 0 },
	{ "nop rm", M2, 0x1f, 0, 0, RM, S_NONE, 0 },
	{ "prefetch", M2, 0x18, 1, 0, F_MODRM | F_MEM, S_NONE, 0 },
	{ "prefetchw", M2, 0x0d, 1, 0, F_MODRM | F_MEM, S_NONE, 0 },
	{ "clflush", M2, 0xae, 7, 0, F_MODRM | F_MEM, S_NONE, 0 },
#define CC(n)									\
	{ "cmov " #n, M2, 0x40 + (n), -1, 0, RM, S_NONE, 0 },			\
	{ "set " #n, M2, 0x90 + (n), -1, 0, RM8, S_NONE, 0 }
	CC(0), CC(1), CC(2), CC(3), CC(4), CC(5), CC(6), CC(7),
	CC(8), CC(9), CC(10), CC(11), CC(12), CC(13), CC(14), CC(15),

	STRING("movs", 0xa4), STRING("cmps", 0xa6), STRING("stos", 0xaa),
	STRING("lods", 0xac), STRING("scas", 0xae),

	{ "push r", M1, 0x50, -1, 0, F_OPREG | F_STACK | F_STACK16, S_NONE, 0 },
	{ "pop r", M1, 0x58, -1, 0, F_OPREG | F_STACK | F_STACK16, S_NONE, 0 },
	{ "push imm8", M1, 0x6a, -1, 0, F_STACK | F_STACK16 | F_IMM8, S_NONE, 0 },
	{ "push imm", M1, 0x68, -1, 0, F_STACK | F_STACK16 | F_IMMZ, S_NONE, 0 },
	{ "push rm", M1, 0xff, 6, 0, F_MODRM | F_STACK | F_STACK16, S_NONE, 0 },
	{ "pop rm", M1, 0x8f, 0, 0, F_MODRM | F_STACK | F_STACK16, S_NONE, 0 },
	{ "push fs", M2, 0xa0, -1, 0, F_STACK | F_STACK16, S_NONE, 0 },
	{ "pushf", M1, 0x9c, -1, 0, F_STACK | F_STACK16, S_NONE, 0 },
	{ "popf", M1, 0x9d, -1, 0, F_STACK | F_STACK16, S_POPF, 0 },
	{ "leave", M1, 0xc9, -1, 0, F_STACK, S_LEAVE, 0 },
	{ "call rm", M1, 0xff, 2, 0, F_MODRM | F_MEM | F_STACK, S_BRANCH, 0 },
	{ "jmp rm", M1, 0xff, 4, 0, F_MODRM | F_MEM, S_BRANCH, 0 },
	{ "ret", M1, 0xc3, -1, 0, F_STACK, S_RET, 0 },

	VECTOR("movups", M2, 0x10, 0, F_VEXL), VECTOR("movups store", M2, 0x11, 0, F_VEXL),
	VECTOR("movupd", M2, 0x10, 0x66, F_VEXL), VECTOR("movupd store", M2, 0x11, 0x66, F_VEXL),
	VECTOR("movss", M2, 0x10, 0xf3, F_MEMVVVV), VECTOR("movss store", M2, 0x11, 0xf3, F_MEMVVVV),
	VECTOR("movsd", M2, 0x10, 0xf2, F_MEMVVVV), VECTOR("movsd store", M2, 0x11, 0xf2, F_MEMVVVV),
	VECTOR("movlps", M2, 0x12, 0, F_VVVV), VECTOR("movlps store", M2, 0x13, 0, F_MEM),
	VECTOR("movlpd", M2, 0x12, 0x66, F_MEM | F_VVVV),
	VECTOR("movlpd store", M2, 0x13, 0x66, F_MEM),
	VECTOR("movhps", M2, 0x16, 0, F_VVVV), VECTOR("movhps store", M2, 0x17, 0, F_MEM),
	VECTOR("movhpd", M2, 0x16, 0x66, F_MEM | F_VVVV),
	VECTOR("movhpd store", M2, 0x17, 0x66, F_MEM),
	VECTOR("movaps", M2, 0x28, 0, F_VEXL), VECTOR("movaps store", M2, 0x29, 0, F_VEXL),
	VECTOR("movapd", M2, 0x28, 0x66, F_VEXL), VECTOR("movapd store", M2, 0x29, 0x66, F_VEXL),
	VECTOR("movntps", M2, 0x2b, 0, F_VEXL | F_MEM),
	VECTOR("movd/q from r", M2, 0x6e, 0x66, F_WIDE),
	VECTOR("movd/q to r", M2, 0x7e, 0x66, F_WIDE),
	VECTOR("movdqa", M2, 0x6f, 0x66, F_VEXL), VECTOR("movdqa store", M2, 0x7f, 0x66, F_VEXL),
	VECTOR("movdqu", M2, 0x6f, 0xf3, F_VEXL), VECTOR("movdqu store", M2, 0x7f, 0xf3, F_VEXL),
	VECTOR("movq", M2, 0x7e, 0xf3, 0), VECTOR("movq store", M2, 0xd6, 0x66, 0),
	VECTOR("movntdq", M2, 0xe7, 0x66, F_VEXL | F_MEM),
	VECTOR("lddqu", M2, 0xf0, 0xf2, F_VEXL | F_MEM),
	VECTOR("movntdqa", M38, 0x2a, 0x66, F_VEXL | F_MEM),
};

const unsigned int emulate_nr_cases = sizeof(emulate_cases) / sizeof(*emulate_cases);

/* A count of 0 changes no flag; OF is defined for 1 only; CF not beyond the operand. */
static u64 shift_undefined(unsigned int bytes, unsigned int count, unsigned int member)
{
	u64 undefined = member < 4 ? 0 : AF;

	if (!count)
		return 0;
	if (count != 1)
		undefined |= OF;
	if ((member == 4 || member == 5 || member == 6) && count >= 8 * bytes)
		undefined |= CF;
	return undefined;
}

u64 emulate_undefined_flags(const struct emulate_case *c, unsigned int bytes, unsigned int count,
			    unsigned int member)
{
	count &= bytes == 8 ? 63 : 31;
	switch (c->special) {
	case S_SHIFT_1:
		return shift_undefined(bytes, 1, member);
	case S_SHIFT_IMM:
	case S_SHIFT_CL:
		return shift_undefined(bytes, count, member);
	case S_SHLD_IMM:
	case S_SHLD_CL:
		return !count ? 0 : count == 1 ? AF : AF | OF;
	}
	return c->undefined;
}
