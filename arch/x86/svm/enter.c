// SPDX-License-Identifier: GPL-2.0
/*
 * Around VMRUN: the inner loop's hooks.
 */
#include <linux/cpu.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/ptrace.h>
#include <asm/trapnr.h>

#include "arch_vcpu.h"
#include "clock.h"
#include "compat.h"
#include "cpuid.h"
#include "cpuid_bits.h"
#include "debugregs.h"
#include "guest_state.h"
#include "regs.h"
#include "svm/svm.h"
#include "svm/vmcb.h"
#include "trace_x86.h"
#include "vcpu.h"
#include "vm.h"
#include "xstate.h"

static void vmsave(hpa_t pa)
{
	asm volatile("vmsave %%rax" : : "a"(pa) : "memory");
}

static void clgi(void)
{
	asm volatile("clgi" : : : "memory");
}

static void stgi(void)
{
	asm volatile("stgi" : : : "memory");
}

/* Another vCPU's branch history must not steer this one. */
static void barrier_between_vcpus(void)
{
	if (boot_cpu_has(X86_FEATURE_IBPB) && !cpu_mitigations_off())
		wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

static bool has_tsc_aux(void)
{
	return boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID);
}

/**
 * lodge_svm_arrive() - the vCPU runs on another CPU than last time, or another vCPU ran here
 * @vcpu: the vCPU
 * @cpu: this CPU
 *
 * Clean bits are the CPU's knowledge of this VMCB: on another CPU there is none.
 * Context: bottom halves off, interrupts on.
 */
void lodge_svm_arrive(struct lodge_vcpu *vcpu, int cpu)
{
	barrier_between_vcpus();
	vcpu->arch.vmcb->control.clean = 0;
	if (has_tsc_aux())
		rdmsrq(MSR_TSC_AUX, vcpu->arch.host_tsc_aux);
}

/**
 * lodge_svm_depart() - the vCPU's thread leaves the inner loop
 * @vcpu: the vCPU
 *
 * User space of this CPU may need a barrier before it runs. Context: bottom halves off, interrupts on.
 */
void lodge_svm_depart(struct lodge_vcpu *vcpu)
{
	lodge_ibpb_on_exit_to_user();
}

static void load_tsc_aux(struct lodge_vcpu *vcpu)
{
	if (!has_tsc_aux() || vcpu->arch.tsc_aux == vcpu->arch.host_tsc_aux)
		return;
	wrmsrq(MSR_TSC_AUX, vcpu->arch.tsc_aux);
	vcpu->arch.tsc_aux_live = true;
}

static void unload_tsc_aux(struct lodge_vcpu *vcpu)
{
	if (!vcpu->arch.tsc_aux_live)
		return;
	wrmsrq(MSR_TSC_AUX, vcpu->arch.host_tsc_aux);
	vcpu->arch.tsc_aux_live = false;
}

/**
 * lodge_arch_vcpu_inner_begin() - load what stays loaded from entry to entry
 * @vcpu: the vCPU
 *
 * The host's FS, GS, TR, LDTR and syscall MSRs do not change in the inner
 * loop, so they are saved once. Context: interrupts and bottom halves off.
 */
void lodge_arch_vcpu_inner_begin(struct lodge_vcpu *vcpu)
{
	if (!lodge_xstate_load(vcpu))
		lodge_vm_kill(vcpu->vm, "the processor refused a validated XSAVE image");
	load_tsc_aux(vcpu);
	if (likely(lodge_svm_cpu_enabled()))	/* else enter finds out */
		vmsave(lodge_svm_host_save_pa());
}

/**
 * lodge_arch_vcpu_inner_end() - put the host's state back
 * @vcpu: the vCPU
 *
 * Context: interrupts and bottom halves off.
 */
void lodge_arch_vcpu_inner_end(struct lodge_vcpu *vcpu)
{
	unload_tsc_aux(vcpu);
	lodge_xstate_save(vcpu);
}

/* A machine check that hit while the guest ran is reported as one of a user program. */
static void host_machine_check(void)
{
	struct pt_regs regs = {
		.cs = 3,
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
}

static u64 host_spec_ctrl(void)
{
	return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) ? this_cpu_read(x86_spec_ctrl_current) : 0;
}

/*
 * From CLGI to STGI nothing interrupts, not even NMI; between the two guest
 * state is live. Not instrumented: RCU does not watch.
 */
static noinstr void world_switch(struct lodge_vcpu *vcpu, hpa_t host_pa, u64 host_spec, u64 guest_spec)
{
	clgi();
	lodge_guest_state_enter_irqoff();
	lodge_svm_switch(vcpu, host_pa, host_spec, guest_spec);
	lodge_guest_state_exit_irqoff();
	stgi();
}

static void before_vmrun(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb *vmcb = vcpu->arch.vmcb;

	if (READ_ONCE(vcpu->requests) && lodge_vcpu_take_request(vcpu, LODGE_REQ_TLB_FLUSH)) {
		lodge_svm_asid_renew(vcpu);
		vcpu->stats.tlb_flush++;
	}
	lodge_svm_asid_prepare(vcpu);
	lodge_svm_inject(vcpu);
	vmcb->save.rax = vcpu->arch.regs[LODGE_RAX];
	vmcb->save.rsp = vcpu->arch.regs[LODGE_RSP];
	vmcb->control.exit_code = LODGE_EXIT_INVALID;
}

static void after_vmrun(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb *vmcb = vcpu->arch.vmcb;

	vcpu->arch.regs[LODGE_RAX] = vmcb->save.rax;
	vcpu->arch.regs[LODGE_RSP] = vmcb->save.rsp;
	vcpu->arch.cr8 = vmcb->control.int_ctl & LODGE_V_TPR_MASK;
	vcpu->arch.exit_code = vmcb->control.exit_code;
	vmcb->control.tlb_ctl = LODGE_TLB_NOTHING;
	if (lodge_svm_features.clean_bits)
		vmcb->control.clean = LODGE_CLEAN_ALL;
	lodge_svm_collect(vcpu);
}

/**
 * lodge_arch_vcpu_enter() - run the guest until the next exit
 * @vcpu: the vCPU
 *
 * Context: interrupts off before and after; an external interrupt that ended the guest is still pending.
 */
void lodge_arch_vcpu_enter(struct lodge_vcpu *vcpu)
{
	u64 host_spec = host_spec_ctrl();
	u64 guest_spec = vcpu->arch.spec_ctrl;

	/* A reboot takes SVM from under guests that still run; the world switch would fault. */
	if (unlikely(!lodge_svm_cpu_enabled())) {
		lodge_vm_kill(vcpu->vm, "SVM was turned off, the host goes down");
		vcpu->arch.exit_code = LODGE_EXIT_INTR;
		return;
	}

	trace_kvm_entry(vcpu, false);
	before_vmrun(vcpu);
	lodge_dr_enter(vcpu);
	lodge_xstate_enter(vcpu);

	world_switch(vcpu, lodge_svm_host_save_pa(), host_spec, guest_spec);

	lodge_xstate_leave(vcpu);
	lodge_dr_leave(vcpu);
	after_vmrun(vcpu);
	if (unlikely(vcpu->arch.exit_code == LODGE_EXIT_EXCP(X86_TRAP_MC)))
		host_machine_check();
	trace_kvm_exit(vcpu);
}
