/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vm.h - virtual machines and vCPUs of the device under test
 *
 * Functions that a test may want to see fail return -errno; the others end
 * the case if they fail.
 */
#ifndef LODGE_SELFTEST_VM_H
#define LODGE_SELFTEST_VM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lodge_vm {
	int fd;
	size_t run_size;
	unsigned char *mem;	/* slot 0, mapped at guest address 0 */
};

struct lodge_vcpu {
	struct lodge_vm *vm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	bool has_cpuid;
};

int lodge_vm_ioctl(int fd, unsigned long request, void *arg);
void lodge_vm_create(struct lodge_vm *vm);
void lodge_vm_destroy(struct lodge_vm *vm);
int lodge_vm_check(struct lodge_vm *vm, long cap);
int lodge_vm_set_region(struct lodge_vm *vm, uint32_t slot, uint32_t flags,
			uint64_t gpa, uint64_t size, const void *hva);
void *lodge_vm_add_memory(struct lodge_vm *vm, uint32_t slot, uint32_t flags,
			  uint64_t gpa, uint64_t size);

void lodge_vcpu_create(struct lodge_vm *vm, struct lodge_vcpu *vcpu,
		       unsigned int id);
void lodge_vcpu_destroy(struct lodge_vcpu *vcpu);
int lodge_vcpu_run(struct lodge_vcpu *vcpu);
void lodge_vcpu_settle(struct lodge_vcpu *vcpu);
void lodge_vcpu_get_regs(struct lodge_vcpu *vcpu, struct kvm_regs *regs);
void lodge_vcpu_set_regs(struct lodge_vcpu *vcpu, struct kvm_regs *regs);
void lodge_vcpu_get_sregs(struct lodge_vcpu *vcpu, struct kvm_sregs *sregs);
int lodge_vcpu_set_sregs(struct lodge_vcpu *vcpu, struct kvm_sregs *sregs);
void lodge_vcpu_expect(struct lodge_vcpu *vcpu, int reason);
uint32_t lodge_vcpu_expect_out(struct lodge_vcpu *vcpu, uint16_t port);
int lodge_vcpu_get_msr(struct lodge_vcpu *vcpu, uint32_t index,
		       uint64_t *value);
int lodge_vcpu_set_msr(struct lodge_vcpu *vcpu, uint32_t index,
		       uint64_t value);
void lodge_vcpu_set_cpuid(struct lodge_vcpu *vcpu);
void *lodge_vcpu_pio_data(struct lodge_vcpu *vcpu);

#endif
