// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "emulate_native.h"

#define PAGE	4096

u8 *const native_arena = (u8 *)NATIVE_ARENA_AT;
u32 native_has_avx;

struct native_state native_out;
u64 native_entry = NATIVE_ENTRY;
u64 native_saved_rsp, native_saved_rdi;

void native_enter(const struct native_state *state);
extern const u8 native_leave[];

static sigjmp_buf after_fault;
static volatile int fault_vector;

/*
 * native_enter: rdi points to the state. The flags go in last but for moves,
 * which leave them alone. native_leave is where the code page's jump after the
 * instruction leads: all registers are the instruction's, RSP too.
 */
asm(".text\n"
    "native_enter:\n"
    "	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
    "	mov %rsp, native_saved_rsp(%rip)\n"
    "	cmpl $0, native_has_avx(%rip)\n"
    "	je 1f\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	vmovdqu 160+32*\\n(%rdi), %ymm\\n\n"
    ".endr\n"
    "	jmp 2f\n"
    "1:\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	movdqu 160+32*\\n(%rdi), %xmm\\n\n"
    ".endr\n"
    "2:\n"
    "	pushq 128(%rdi)\n	popfq\n"
    "	mov 0(%rdi), %rax\n	mov 8(%rdi), %rcx\n	mov 16(%rdi), %rdx\n"
    "	mov 24(%rdi), %rbx\n	mov 32(%rdi), %rsp\n	mov 40(%rdi), %rbp\n"
    "	mov 48(%rdi), %rsi\n	mov 64(%rdi), %r8\n	mov 72(%rdi), %r9\n"
    "	mov 80(%rdi), %r10\n	mov 88(%rdi), %r11\n	mov 96(%rdi), %r12\n"
    "	mov 104(%rdi), %r13\n	mov 112(%rdi), %r14\n	mov 120(%rdi), %r15\n"
    "	mov 56(%rdi), %rdi\n"
    "	jmp *native_entry(%rip)\n"
    "native_leave:\n"
    "	mov %rdi, native_saved_rdi(%rip)\n"
    "	lea native_out(%rip), %rdi\n"
    "	mov %rax, 0(%rdi)\n	mov %rcx, 8(%rdi)\n	mov %rdx, 16(%rdi)\n"
    "	mov %rbx, 24(%rdi)\n	mov %rsp, 32(%rdi)\n	mov %rbp, 40(%rdi)\n"
    "	mov %rsi, 48(%rdi)\n	mov %r8, 64(%rdi)\n	mov %r9, 72(%rdi)\n"
    "	mov %r10, 80(%rdi)\n	mov %r11, 88(%rdi)\n	mov %r12, 96(%rdi)\n"
    "	mov %r13, 104(%rdi)\n	mov %r14, 112(%rdi)\n	mov %r15, 120(%rdi)\n"
    "	mov native_saved_rdi(%rip), %rax\n	mov %rax, 56(%rdi)\n"
    "	mov native_saved_rsp(%rip), %rsp\n"
    "	pushfq\n	popq 128(%rdi)\n"
    "	pushq $0x202\n	popfq\n"
    "	cmpl $0, native_has_avx(%rip)\n"
    "	je 1f\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	vmovdqu %ymm\\n, 160+32*\\n(%rdi)\n"
    ".endr\n"
    "	vzeroupper\n"
    "	jmp 2f\n"
    "1:\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	movdqu %xmm\\n, 160+32*\\n(%rdi)\n"
    ".endr\n"
    "2:\n"
    "	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
    "	ret\n");

/* Alignment checking would otherwise go on in here and after. */
static void on_signal(int sig, siginfo_t *info, void *context)
{
	asm volatile("pushq $0x202\n\tpopfq" : : : "cc", "memory");
	fault_vector = ((ucontext_t *)context)->uc_mcontext.gregs[REG_TRAPNO];
	siglongjmp(after_fault, 1);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
	static char stack[65536];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };
	unsigned int i;

	action.sa_sigaction = on_signal;
	sigaltstack(&alt, NULL);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

static bool map_page(u64 at, int prot)
{
	return mmap((void *)at, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		    -1, 0) == (void *)at;
}

bool native_init(void)
{
	u64 leave = (u64)native_leave;

	native_has_avx = __builtin_cpu_supports("avx2");
	if (!map_page(NATIVE_CODE, PROT_READ | PROT_WRITE | PROT_EXEC) ||
	    !map_page(NATIVE_DATA, PROT_READ | PROT_WRITE))
		return false;
	memcpy((void *)NATIVE_CODE, &leave, sizeof(leave));
	catch_signals();
	return true;
}

u64 native_exit_address(void)
{
	return (u64)native_leave;
}

/* The instruction, and after it "jmp *NATIVE_CODE(%rip)". */
static void place(const u8 *bytes, unsigned int length)
{
	u8 *at = (u8 *)NATIVE_ENTRY + length;
	s32 distance = (s32)(NATIVE_CODE - (NATIVE_ENTRY + length + 6));

	memcpy((u8 *)NATIVE_ENTRY, bytes, length);
	at[0] = 0xff;
	at[1] = 0x25;
	memcpy(at + 2, &distance, sizeof(distance));
}

int native_run(struct native_state *state, const u8 *bytes, unsigned int length)
{
	place(bytes, length);
	if (sigsetjmp(after_fault, 0))
		return fault_vector;
	native_enter(state);
	*state = native_out;
	return -1;
}
