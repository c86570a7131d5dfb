/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest FPU and extended state.
 *
 * The image is in the user ABI's standard XSAVE format. It is validated before it can reach XRSTOR: legacy MXCSR
 * mask, header's reserved bytes, XCOMP_BV 0, components within what the vCPU may ever have.
 */
#ifndef LODGE_X86_XSTATE_H
#define LODGE_X86_XSTATE_H

#include <linux/kvm.h>
#include <linux/types.h>

struct lodge_vcpu;

/* Module init, after lodge_cpuid_init(): what images look like here. */
void lodge_xstate_host_init(void);

int lodge_xstate_init(struct lodge_vcpu *vcpu);	/* -ENOMEM */
void lodge_xstate_free(struct lodge_vcpu *vcpu);
void lodge_xstate_reset(struct lodge_vcpu *vcpu);
/* Bytes KVM_GET_XSAVE2 hands out. */
unsigned int lodge_xstate_size(void);

/*
 * Inner loop: guest FPU in and out. Interrupts and bottom halves off; between the two the guest's registers are live
 * and guest XCR0 is loaded. load returns false if the image was refused by the processor: the VM is to be killed.
 */
bool lodge_xstate_load(struct lodge_vcpu *vcpu);
void lodge_xstate_save(struct lodge_vcpu *vcpu);
/* PKRU: around each entry, interrupts off. */
void lodge_xstate_enter(struct lodge_vcpu *vcpu);
void lodge_xstate_leave(struct lodge_vcpu *vcpu);

/* XSETBV by the guest. 0 or 1 (#GP, also for CPL > 0). Also usable while the FPU is live (XCR0 is switched at once). */
int lodge_xstate_set_xcr0(struct lodge_vcpu *vcpu, u32 index, u64 xcr0);

/* For the emulator: vector register @n, low @bytes (16 or 32). FPU not live. */
void lodge_xstate_get_vector(struct lodge_vcpu *vcpu, unsigned int n, void *data, unsigned int bytes);
void lodge_xstate_set_vector(struct lodge_vcpu *vcpu, unsigned int n, const void *data, unsigned int bytes);

/* KVM_GET/SET_FPU, XSAVE, XSAVE2, XCRS. */
long lodge_xstate_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp);

#endif
