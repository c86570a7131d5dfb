/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SVM backend's rooms: host.c (enabling), asid.c, enter.c (the world switch's caller), inject.c (events into the
 * VMCB), exit.c (the exits), vmcb.c (set-up).
 */
#ifndef LODGE_SVM_SVM_H
#define LODGE_SVM_SVM_H

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

/* host.c, per CPU: physical address of the page that VMSAVE keeps the host's state in. Interrupts off. */
hpa_t lodge_svm_host_save_pa(void);
/* True on every CPU where SVM is on because of us; false on one that is going down. */
bool lodge_svm_cpu_enabled(void);

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

/* Next rip of the intercepted instruction: NRIPS, or read and decoded without sleeping; 0 if it cannot be read here. */
unsigned long lodge_svm_next_rip_atomic(struct lodge_vcpu *vcpu);

#endif
