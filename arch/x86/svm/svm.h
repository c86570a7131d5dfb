/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SVM backend's rooms: host.c (enabling), asid.c, enter.c (the world switch's caller), inject.c (events into the
 * VMCB), exit.c (the exits), vmcb.c (set-up).
 */
#ifndef LODGE_SVM_SVM_H
#define LODGE_SVM_SVM_H

#include <linux/percpu.h>
#include <linux/types.h>
#include "types.h"

struct lodge_vcpu;
struct lodge_vm;

/* What this processor's SVM has; [I] after lodge_arch_host_init(). From CPUID 8000000A. */
struct lodge_svm_features {
	u32 nr_asids;
	bool nrips;
	bool decode_assists;
	bool flush_by_asid;
	bool vgif;
	bool v_spec_ctrl;
	bool clean_bits;
};
extern struct lodge_svm_features lodge_svm_features;

/* host.c: what each CPU has while SVM is on. */
struct lodge_svm_cpu {
	bool enabled;		/* SVM is on because of us; changed with interrupts off, on the CPU */
	hpa_t host_save_pa;	/* [I] page for the host's VMSAVE, with the encryption bit */
	hpa_t hsave_pa;		/* [I] page for VM_HSAVE_PA, likewise */
};
DECLARE_PER_CPU(struct lodge_svm_cpu, lodge_svm_cpu);

/* Physical address of the page that VMSAVE keeps the host's state in. Interrupts off. */
static inline hpa_t lodge_svm_host_save_pa(void)
{
	return __this_cpu_read(lodge_svm_cpu.host_save_pa);
}

/* May this CPU run a guest? False once it is going down (reboot, crash). Interrupts off until VMRUN. */
static inline bool lodge_svm_cpu_enabled(void)
{
	return __this_cpu_read(lodge_svm_cpu.enabled);
}

void lodge_svm_cpu_disable(void);	/* any context, interrupts off */

/* emergency.c: SVM off in a crash or an emergency reboot, where the kernel does not do it. */
int lodge_svm_emergency_init(void);
void lodge_svm_emergency_exit(void);

/* vmcb.c */
int lodge_svm_vmcb_create(struct lodge_vcpu *vcpu);	/* -ENOMEM */
void lodge_svm_vmcb_free(struct lodge_vcpu *vcpu);
int lodge_svm_vm_create(struct lodge_vm *vm);		/* permission maps */
void lodge_svm_vm_free(struct lodge_vm *vm);

/* asid.c: interrupts off */
void lodge_svm_asid_prepare(struct lodge_vcpu *vcpu);
void lodge_svm_asid_renew(struct lodge_vcpu *vcpu);	/* guest's own flush of everything */
void lodge_svm_asid_cpu_init(void);			/* on the CPU, when SVM is enabled: new generation */

/* inject.c: interrupts off, just before entry and just after exit */
void lodge_svm_inject(struct lodge_vcpu *vcpu);
void lodge_svm_collect(struct lodge_vcpu *vcpu);	/* exit_int_info back into arch.events */
void lodge_svm_request_irq_window(struct lodge_vcpu *vcpu);

/* insn.c: the intercepted instruction's bytes, decoded; see there */
struct lodge_x86_insn;
unsigned int lodge_svm_insn_length(struct lodge_vcpu *vcpu);
bool lodge_svm_decode_atomic(struct lodge_vcpu *vcpu, struct lodge_x86_insn *insn);
int lodge_svm_decode(struct lodge_vcpu *vcpu, struct lodge_x86_insn *insn);
bool lodge_svm_insn_is(const struct lodge_x86_insn *insn, u64 exit_code);

/* enter.c */
void lodge_svm_arrive(struct lodge_vcpu *vcpu, int cpu);
void lodge_svm_depart(struct lodge_vcpu *vcpu);

/* switch.S: interrupts off, GIF off */
void lodge_svm_switch(struct lodge_vcpu *vcpu, hpa_t host_pa, u64 host_spec_ctrl, u64 guest_spec_ctrl);

#endif
