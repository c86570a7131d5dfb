/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest time: TSC offset and frequency, KVM_GET/SET_CLOCK.
 */
#ifndef LODGE_X86_CLOCK_H
#define LODGE_X86_CLOCK_H

#include <linux/types.h>

struct kvm_device_attr;
struct lodge_vcpu;
struct lodge_vm;

void lodge_clock_vm_init(struct lodge_vm *vm);
void lodge_clock_vcpu_init(struct lodge_vcpu *vcpu);
/* KVM_GET/SET_CLOCK, KVM_GET/SET_TSC_KHZ */
long lodge_clock_vm_ioctl(struct lodge_vm *vm, unsigned int ioctl, unsigned long arg);
/* KVM_GET/SET_TSC_KHZ */
long lodge_clock_vcpu_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, unsigned long arg);
/* KVM_HAS/GET/SET_DEVICE_ATTR of a vCPU */
long lodge_clock_device_attr(struct lodge_vcpu *vcpu, unsigned int ioctl, const struct kvm_device_attr *attr);

u64 lodge_clock_read_tsc(struct lodge_vcpu *vcpu);
void lodge_clock_write_tsc(struct lodge_vcpu *vcpu, u64 tsc, bool host);
void lodge_clock_write_tsc_adjust(struct lodge_vcpu *vcpu, u64 adjust, bool host);

void lodge_clock_arrive(struct lodge_vcpu *vcpu);
void lodge_clock_depart(struct lodge_vcpu *vcpu);
void lodge_clock_settle(struct lodge_vcpu *vcpu);

/* Last CPU, interrupts off. */
void lodge_clock_suspend(void);
void lodge_clock_resume(void);

#endif
