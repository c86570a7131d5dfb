// SPDX-License-Identifier: GPL-2.0
/*
 * Decoder against the real processor. An instruction's first n bytes are put at
 * the end of a page that is followed by nothing. A processor that wants more
 * faults fetching the next page; the smallest n for which it does anything else
 * is the length. General registers hold non-canonical addresses, so memory
 * operands and the stack fault and the instruction has no effect.
 *
 * test_decode [seed] [cases]
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include <linux/errno.h>

#include "emulate.h"

#define CODE	((u8 *)0x510000000000ull)
#define PAGE	4096
#define END	(CODE + PAGE)

enum outcome { WANTS_MORE, WHOLE, UNDEFINED };

static sigjmp_buf out;
static volatile int sig_no;
static volatile u64 sig_rip, sig_cr2, sig_err, sig_trap;
static unsigned long saved_fs;
static u64 rng;
static unsigned long failures;
u8 *jump_target;

static u64 random64(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dull;
}

/* An instruction may have changed FS; the C library lives on it. */
static void on_signal(int sig, siginfo_t *info __attribute__((unused)), void *context)
{
	const greg_t *regs;

	asm volatile("wrfsbase %0" : : "r" (saved_fs));
	regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	if (sig == SIGALRM && ((u64)regs[REG_RIP] & ~0xfffull) != (u64)CODE)
		return;
	sig_no = sig;
	sig_rip = regs[REG_RIP];
	sig_cr2 = regs[REG_CR2];
	sig_err = regs[REG_ERR];
	sig_trap = regs[REG_TRAPNO];
	siglongjmp(out, 1);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGALRM };
	static char stack[65536];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };
	unsigned int i;

	asm volatile("rdfsbase %0" : "=r" (saved_fs));
	action.sa_sigaction = on_signal;
	sigaltstack(&alt, NULL);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

/* Registers, RSP among them, that make every memory operand fault. */
static void run_at(u8 *code)
{
	jump_target = code;
	asm volatile("mov $0x4141414141414141, %%rax\n\t"
		     "mov %%rax, %%rcx\n\t mov %%rax, %%rdx\n\t mov %%rax, %%rbx\n\t"
		     "mov %%rax, %%rbp\n\t mov %%rax, %%rsi\n\t mov %%rax, %%rdi\n\t"
		     "mov %%rax, %%r8\n\t mov %%rax, %%r9\n\t mov %%rax, %%r10\n\t"
		     "mov %%rax, %%r11\n\t mov %%rax, %%r12\n\t mov %%rax, %%r13\n\t"
		     "mov %%rax, %%r14\n\t mov %%rax, %%r15\n\t mov %%rax, %%rsp\n\t"
		     "jmp *jump_target(%%rip)\n\t"
		     : : : "memory");
	__builtin_unreachable();
}

/*
 * An instruction cut short faults fetching END with RIP at its start. A whole one
 * without a fault of its own runs into END too, but then RIP is there.
 */
static enum outcome try_length(const u8 *bytes, unsigned int n)
{
	u8 *start = END - n;
	volatile unsigned int alarms = 0;

	do {
		memset(END - 64, 0xcc, 64);
		memcpy(start, bytes, n);
		if (!sigsetjmp(out, 0))
			run_at(start);
	} while (sig_no == SIGALRM && ++alarms < 3);
	if (sig_no == SIGILL)
		return UNDEFINED;
	if (sig_no == SIGSEGV && sig_trap == 14 && (sig_err & 0x10) &&
	    sig_rip == (u64)start && sig_cr2 == (u64)END)
		return WANTS_MORE;
	return WHOLE;
}

/* 1 to 15, 0 if undefined, -1 if 15 bytes are not enough. */
static int native_length(const u8 *bytes)
{
	enum outcome outcome;
	unsigned int n;

	for (n = 1; n <= LODGE_X86_MAX_INSN; n++) {
		outcome = try_length(bytes, n);
		if (outcome == UNDEFINED)
			return 0;
		if (outcome == WHOLE)
			return n;
	}
	return -1;
}

/* The same in two attempts if @guess is right: one byte less is too few, it is enough. */
static int confirm_length(const u8 *bytes, int guess)
{
	if (guess > 1 && try_length(bytes, guess - 1) == WANTS_MORE &&
	    try_length(bytes, guess) == WHOLE)
		return guess;
	return native_length(bytes);
}

/* System calls and waiting instructions must not be run; nor anything that hides them. */
static bool is_safe(const u8 *b)
{
	unsigned int i;

	for (i = 0; i + 1 < LODGE_X86_MAX_INSN; i++) {
		if (b[i] == 0xcd)
			return false;
		if (b[i] == 0x0f && (b[i + 1] == 0x05 || b[i + 1] == 0x34))
			return false;
		if (b[i] == 0x0f && b[i + 1] == 0x01 && b[i + 2] >= 0xc0)
			return false;
		if (b[i] == 0x0f && b[i + 1] == 0xae && b[i + 2] >= 0xc0)
			return false;
	}
	return b[i] != 0xcd;
}

static unsigned int random_prefixes(u8 *b)
{
	static const u8 prefixes[] = {
		0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x66, 0x66, 0x67, 0x67,
		0xf0, 0xf2, 0xf2, 0xf3, 0xf3, 0x40, 0x41, 0x44, 0x48, 0x48, 0x4f,
	};
	unsigned int n = random64() % 3, i;

	if (random64() % 256 == 0)
		n = random64() % 16;
	for (i = 0; i < n; i++)
		b[i] = prefixes[random64() % sizeof(prefixes)];
	return n;
}

static void random_instruction(u8 *b)
{
	static const u8 escapes[][4] = {
		{ 0 }, { 1, 0x0f }, { 2, 0x0f, 0x38 }, { 2, 0x0f, 0x3a }, { 1, 0xc5 }, { 1, 0xc4 },
	};
	const u8 *escape = escapes[random64() % 6];
	unsigned int i, pos;

	for (i = 0; i < LODGE_X86_MAX_INSN; i++)
		b[i] = random64() >> 24;
	pos = escape[1] >= 0xc4 ? 0 : random_prefixes(b);
	for (i = 1; i <= escape[0] && pos < LODGE_X86_MAX_INSN; i++)
		b[pos++] = escape[i];
	if (escape[1] == 0xc4)
		b[pos] = (b[pos] & 0xe0) | (1 + random64() % 3);
}

static void complain(const u8 *b, int native, int ours)
{
	unsigned int i;

	if (failures++ > 20)
		return;
	printf("# processor %d decoder %d:", native, ours);
	for (i = 0; i < LODGE_X86_MAX_INSN; i++)
		printf(" %02x", b[i]);
	printf("\n");
}

/* Too few bytes must be answered with -ENODATA at every n, enough of them never. */
static bool is_incremental(const u8 *b, int length)
{
	int n;

	for (n = 0; n < length; n++)
		if (lodge_x86_insn_length(b, n, LODGE_X86_LONG64) != -ENODATA)
			return false;
	return lodge_x86_insn_length(b, length, LODGE_X86_LONG64) == length;
}

/* Zen executes VERW under LOCK, which the manual says is #UD. */
static bool is_locked_verw(const u8 *b)
{
	const u8 *escape = memchr(b, 0x0f, LODGE_X86_MAX_INSN - 2);

	return escape && memchr(b, 0xf0, escape - b) && escape[1] == 0 &&
	       (escape[2] & 0x38) == 0x28;
}

/*
 * Where the processor says #UD the decoder may be more lenient: it does not know
 * which features this processor has.
 */
static int check_one(const u8 *b)
{
	int ours = lodge_x86_insn_length(b, LODGE_X86_MAX_INSN, LODGE_X86_LONG64);
	int native = confirm_length(b, ours);

	/* Too long gives the same #GP as a whole one's operand, whatever the opcode. */
	if (native == LODGE_X86_MAX_INSN && ours < 0)
		return native;
	if (ours == -EINVAL && is_locked_verw(b))
		return native;
	if (native > 0 && (ours != native || !is_incremental(b, native)))
		complain(b, native, ours);
	if (native < 0 && ours > 0)
		complain(b, native, ours);
	return native;
}

static void test_against_processor(unsigned long cases)
{
	unsigned long i, defined = 0;
	u8 b[LODGE_X86_MAX_INSN + 1] = { 0 };

	for (i = 0; i < cases; i++) {
		do
			random_instruction(b);
		while (!is_safe(b));
		defined += check_one(b) > 0;
	}
	printf("%sok 1 - %lu instructions, %lu of them defined here, lengths as the processor's\n",
	       failures || defined < cases / 4 ? "not " : "", cases, defined);
	failures += defined < cases / 4;
}

struct expect {
	const char *what;
	enum lodge_x86_mode mode;
	int length;
	u8 bytes[LODGE_X86_MAX_INSN];
};

#define R16 LODGE_X86_REAL16
#define P32 LODGE_X86_PROT32
#define P16 LODGE_X86_PROT16
#define L64 LODGE_X86_LONG64

/* Modes this process cannot run in, and what needs privilege. */
static const struct expect table[] = {
	{ "cpuid", L64, 2, { 0x0f, 0xa2 } },
	{ "66 f2 cpuid", L64, 4, { 0x66, 0xf2, 0x0f, 0xa2 } },
	{ "rex rdmsr", L64, 3, { 0x48, 0x0f, 0x32 } },
	{ "vmmcall", L64, 3, { 0x0f, 0x01, 0xd9 } },
	{ "hlt under 14 prefixes", L64, 15, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
					      0x66, 0x66, 0x66, 0x66, 0x66, 0xf4 } },
	{ "15 prefixes", L64, -E2BIG, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
					0x66, 0x66, 0x66, 0x66, 0x66, 0x66 } },
	{ "mov [bx+si],ax", R16, 2, { 0x89, 0x00 } },
	{ "mov [imm16],ax", R16, 4, { 0x89, 0x06, 0x34, 0x12 } },
	{ "mov [bp+imm8],ax", R16, 3, { 0x89, 0x46, 0x10 } },
	{ "mov [bp+imm16],ax", R16, 4, { 0x89, 0x86, 0x10, 0x20 } },
	{ "mov ax,imm16", R16, 3, { 0xb8, 1, 2 } },
	{ "66 mov eax,imm32", R16, 6, { 0x66, 0xb8, 1, 2, 3, 4 } },
	{ "67 mov [sib],ax", R16, 4, { 0x67, 0x89, 0x04, 0x24 } },
	{ "67 66 mov d [disp32],imm32", R16, 12, { 0x67, 0x66, 0xc7, 0x05, 1, 2, 3, 4, 5, 6, 7 } },
	{ "jmp far imm16:16", R16, 5, { 0xea, 1, 2, 3, 4 } },
	{ "66 jmp far imm16:32", R16, 8, { 0x66, 0xea, 1, 2, 3, 4, 5, 6 } },
	{ "jmp far imm16:32", P32, 7, { 0xea, 1, 2, 3, 4, 5, 6 } },
	{ "mov al,moffs16", R16, 3, { 0xa0, 1, 2 } },
	{ "mov al,moffs32", P32, 5, { 0xa0, 1, 2, 3, 4 } },
	{ "67 mov al,moffs16", P32, 4, { 0x67, 0xa0, 1, 2 } },
	{ "mov al,moffs64", L64, 9, { 0xa0, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "les", P32, 2, { 0xc4, 0x00 } },
	{ "les register form is VEX", P32, 5, { 0xc4, 0xe2, 0x78, 0xf7, 0xc0 } },
	{ "vmovdqa", P32, 4, { 0xc5, 0xfd, 0x6f, 0x00 } },
	{ "no VEX in real mode", R16, -EINVAL, { 0xc5, 0xfd, 0x6f, 0x00 } },
	{ "inc ax", P16, 1, { 0x40 } },
	{ "push es", P32, 1, { 0x06 } },
	{ "push es in long mode", L64, -EINVAL, { 0x06 } },
	{ "jmp far in long mode", L64, -EINVAL, { 0xea, 1, 2, 3, 4, 5, 6 } },
	{ "arpl", P32, 2, { 0x63, 0x00 } },
	{ "mov cr0,eax ignores mod", P32, 3, { 0x0f, 0x22, 0x04, 0x24 } },
	{ "lock mov cr8", P32, 4, { 0xf0, 0x0f, 0x22, 0xc0 } },
	{ "lock mov", L64, -EINVAL, { 0xf0, 0x89, 0x00 } },
	{ "lock add to a register", L64, -EINVAL, { 0xf0, 0x01, 0xc0 } },
	{ "lock cmp", L64, -EINVAL, { 0xf0, 0x39, 0x00 } },
	{ "evex", L64, -EOPNOTSUPP, { 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00 } },
	{ "ud2", L64, -EINVAL, { 0x0f, 0x0b } },
	{ "test [mem],imm", P16, 4, { 0xf7, 0x07, 1, 2 } },
	{ "not [mem]", P16, 2, { 0xf7, 0x17 } },
	{ "enter", P32, 4, { 0xc8, 1, 2, 3 } },
};

static unsigned long test_table(void)
{
	unsigned long wrong = 0;
	unsigned int i;
	int length;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		length = lodge_x86_insn_length(table[i].bytes, LODGE_X86_MAX_INSN, table[i].mode);
		if (length == table[i].length)
			continue;
		wrong++;
		printf("# %s: %d instead of %d\n", table[i].what, length, table[i].length);
	}
	printf("%sok 2 - %u instructions of other modes and rings\n", wrong ? "not " : "", i);
	return wrong;
}

/* A jump to itself runs for ever: it is what the timer hits three times in a row. */
static void start_timer(void)
{
	struct itimerval every = { { 0, 20000 }, { 0, 20000 } };

	setitimer(ITIMER_REAL, &every, NULL);
}

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (u64)time(NULL);
	unsigned long cases = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000000;

	rng = seed ^ 0x9e3779b97f4a7c15ull;
	printf("TAP version 13\n1..2\n# seed %llu\n", seed);
	fflush(stdout);
	if (mmap(CODE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != CODE) {
		printf("Bail out! no page at %p\n", (void *)CODE);
		return 1;
	}
	memset(CODE, 0xcc, PAGE);
	catch_signals();
	start_timer();
	test_against_processor(cases);
	failures += test_table();
	return failures ? 1 : 0;
}
