/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world switch.
 *
 * VMRUN loads and #VMEXIT restores rip, rsp, rax, rflags, CR0, CR3, CR4, EFER,
 * CS, SS, DS, ES, GDT and IDT. All else is done here: the other GPRs, and with
 * VMLOAD/VMSAVE FS, GS, TR, LDTR and the syscall and sysenter MSRs.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

#include "svm/offsets.h"

/* GPRs by encoding; RAX and RSP are the VMCB's. */
#define RCX_SLOT	(LODGE_VCPU_REGS + 1 * 8)
#define RDX_SLOT	(LODGE_VCPU_REGS + 2 * 8)
#define RBX_SLOT	(LODGE_VCPU_REGS + 3 * 8)
#define RBP_SLOT	(LODGE_VCPU_REGS + 5 * 8)
#define RSI_SLOT	(LODGE_VCPU_REGS + 6 * 8)
#define RDI_SLOT	(LODGE_VCPU_REGS + 7 * 8)
#define R8_SLOT		(LODGE_VCPU_REGS + 8 * 8)
#define R9_SLOT		(LODGE_VCPU_REGS + 9 * 8)
#define R10_SLOT	(LODGE_VCPU_REGS + 10 * 8)
#define R11_SLOT	(LODGE_VCPU_REGS + 11 * 8)
#define R12_SLOT	(LODGE_VCPU_REGS + 12 * 8)
#define R13_SLOT	(LODGE_VCPU_REGS + 13 * 8)
#define R14_SLOT	(LODGE_VCPU_REGS + 14 * 8)
#define R15_SLOT	(LODGE_VCPU_REGS + 15 * 8)

/* VERW clears CPU buffers only in its memory form with a writable data selector. */
	.pushsection .rodata
	.balign 8
verw_selector:
	.word	__KERNEL_DS
	.popsection

	.section .noinstr.text, "ax"

SYM_FUNC_START_LOCAL(prediction_barrier)
	movl	$MSR_IA32_PRED_CMD, %ecx
	movl	$PRED_CMD_IBPB, %eax
	xorl	%edx, %edx
	wrmsr
	RET
SYM_FUNC_END(prediction_barrier)

/*
 * void lodge_svm_switch(struct lodge_vcpu *vcpu, hpa_t host_pa, u64 host_spec_ctrl, u64 guest_spec_ctrl)
 *
 * Interrupts and GIF are off. host_pa is the area that VMSAVE filled with the
 * host's state on this CPU. A VMRUN that the processor refuses by exception is a
 * bug of ours; it falls through to the exit with the VMCB's exit code unchanged.
 */
SYM_FUNC_START(lodge_svm_switch)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdx
	push	%rsi
	push	%rdi

	/* Guest's SPEC_CTRL last before, host's first after. */
	cmp	%rdx, %rcx
	je	1f
	mov	%ecx, %eax
	mov	%rcx, %rdx
	shr	$32, %rdx
	movl	$MSR_IA32_SPEC_CTRL, %ecx
	wrmsr
1:
	/*
	 * GIF is off, so this opens nothing. But VMRUN takes the host's IF as the mask
	 * of physical interrupts while the guest runs. Not next to VMRUN: the guest
	 * would inherit STI's shadow.
	 */
	sti
	mov	LODGE_VCPU_VMCB_PA(%rdi), %rax
2:	vmload	%rax

	mov	RCX_SLOT(%rdi), %rcx
	mov	RDX_SLOT(%rdi), %rdx
	mov	RBX_SLOT(%rdi), %rbx
	mov	RBP_SLOT(%rdi), %rbp
	mov	RSI_SLOT(%rdi), %rsi
	mov	R8_SLOT(%rdi), %r8
	mov	R9_SLOT(%rdi), %r9
	mov	R10_SLOT(%rdi), %r10
	mov	R11_SLOT(%rdi), %r11
	mov	R12_SLOT(%rdi), %r12
	mov	R13_SLOT(%rdi), %r13
	mov	R14_SLOT(%rdi), %r14
	mov	R15_SLOT(%rdi), %r15
	mov	RDI_SLOT(%rdi), %rdi

	/* Jump form: old objtool takes no rip-relative operand in a replacement. */
#ifdef X86_FEATURE_CLEAR_CPU_BUF_VM
	ALTERNATIVE "jmp 3f", "", X86_FEATURE_CLEAR_CPU_BUF_VM
	verw	verw_selector(%rip)
3:
#endif
4:	vmrun	%rax
5:
	cli
	/* RAX is the host's again: free. Keep the guest's registers before any branch on them. */
	pop	%rax
	mov	%rcx, RCX_SLOT(%rax)
	mov	%rdx, RDX_SLOT(%rax)
	mov	%rbx, RBX_SLOT(%rax)
	mov	%rbp, RBP_SLOT(%rax)
	mov	%rsi, RSI_SLOT(%rax)
	mov	%rdi, RDI_SLOT(%rax)
	mov	%r8, R8_SLOT(%rax)
	mov	%r9, R9_SLOT(%rax)
	mov	%r10, R10_SLOT(%rax)
	mov	%r11, R11_SLOT(%rax)
	mov	%r12, R12_SLOT(%rax)
	mov	%r13, R13_SLOT(%rax)
	mov	%r14, R14_SLOT(%rax)
	mov	%r15, R15_SLOT(%rax)
	mov	%rax, %rdi
	mov	LODGE_VCPU_VMCB_PA(%rdi), %rax
	vmsave	%rax
	pop	%rax
	vmload	%rax

	/* The host may not return through what the guest left in the predictors. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	pop	%rdx
	cmp	%rdx, LODGE_VCPU_SPEC_CTRL(%rdi)
	je	6f
	mov	%edx, %eax
	shr	$32, %rdx
	movl	$MSR_IA32_SPEC_CTRL, %ecx
	wrmsr
6:
	CALL_UNTRAIN_RET
#ifdef X86_FEATURE_IBPB_ON_VMEXIT
	ALTERNATIVE "", "call prediction_barrier", X86_FEATURE_IBPB_ON_VMEXIT
#else
	ALTERNATIVE "", "call prediction_barrier", X86_FEATURE_ENTRY_IBPB
#endif

	/* No guest value survives to be speculated with. */
	xorl	%eax, %eax
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%ebx, %ebx
	xorl	%ebp, %ebp
	xorl	%esi, %esi
	xorl	%edi, %edi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d

	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

	_ASM_EXTABLE(2b, 5b)
	_ASM_EXTABLE(4b, 5b)
SYM_FUNC_END(lodge_svm_switch)
