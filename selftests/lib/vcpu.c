// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "dev.h"
#include "vm.h"

#define VCPU_CPUID_ENTRIES 256

/**
 * lodge_vcpu_create - create a vCPU and map its run page
 * @vm:   the VM
 * @vcpu: filled in
 * @id:   vCPU number
 */
void lodge_vcpu_create(struct lodge_vm *vm, struct lodge_vcpu *vcpu,
		       unsigned int id)
{
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->has_cpuid = false;
	vcpu->fd = lodge_vm_ioctl(vm->fd, KVM_CREATE_VCPU,
				  (void *)(unsigned long)id);
	lodge_check(vcpu->fd >= 0, "KVM_CREATE_VCPU %u gave %d", id, vcpu->fd);
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu->fd, 0);
	lodge_check(vcpu->run != MAP_FAILED, "mapping vCPU %u", id);
}

/**
 * lodge_vcpu_destroy - unmap and close a vCPU
 * @vcpu: from lodge_vcpu_create()
 */
void lodge_vcpu_destroy(struct lodge_vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->vm->run_size);
	lodge_check(!close(vcpu->fd), "closing the vCPU");
	vcpu->fd = -1;
}

/**
 * lodge_vcpu_run - enter the guest once
 * @vcpu: the vCPU
 *
 * Return: the exit reason, or -errno.
 */
int lodge_vcpu_run(struct lodge_vcpu *vcpu)
{
	int ret = lodge_vm_ioctl(vcpu->fd, KVM_RUN, NULL);

	return ret < 0 ? ret : (int)vcpu->run->exit_reason;
}

static bool is_unfinished(const struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
	case KVM_EXIT_MMIO:
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		return true;
	default:
		return false;
	}
}

/**
 * lodge_vcpu_settle - finish the instruction of the last exit, run no other
 * @vcpu: the vCPU
 *
 * Before a vCPU is given new registers: what an exit left half done would be
 * completed into them otherwise.
 */
void lodge_vcpu_settle(struct lodge_vcpu *vcpu)
{
	int tries;

	vcpu->run->immediate_exit = 1;
	for (tries = 0; tries < 8 && is_unfinished(vcpu->run); tries++)
		if (lodge_vcpu_run(vcpu) < 0)
			break;
	vcpu->run->immediate_exit = 0;
}

/**
 * lodge_vcpu_get_regs - read the general registers
 * @vcpu: the vCPU
 * @regs: filled in
 */
void lodge_vcpu_get_regs(struct lodge_vcpu *vcpu, struct kvm_regs *regs)
{
	lodge_check(!ioctl(vcpu->fd, KVM_GET_REGS, regs), "KVM_GET_REGS");
}

/**
 * lodge_vcpu_set_regs - write the general registers
 * @vcpu: the vCPU
 * @regs: new values
 */
void lodge_vcpu_set_regs(struct lodge_vcpu *vcpu, struct kvm_regs *regs)
{
	lodge_check(!ioctl(vcpu->fd, KVM_SET_REGS, regs), "KVM_SET_REGS");
}

/**
 * lodge_vcpu_get_sregs - read the special registers
 * @vcpu:  the vCPU
 * @sregs: filled in
 */
void lodge_vcpu_get_sregs(struct lodge_vcpu *vcpu, struct kvm_sregs *sregs)
{
	lodge_check(!ioctl(vcpu->fd, KVM_GET_SREGS, sregs), "KVM_GET_SREGS");
}

/**
 * lodge_vcpu_set_sregs - write the special registers
 * @vcpu:  the vCPU
 * @sregs: new values
 *
 * Return: 0 or -errno.
 */
int lodge_vcpu_set_sregs(struct lodge_vcpu *vcpu, struct kvm_sregs *sregs)
{
	return lodge_vm_ioctl(vcpu->fd, KVM_SET_SREGS, sregs);
}

/* Everything one needs to know about an exit that was not the expected one. */
static void exit_unexpected(struct lodge_vcpu *vcpu, int got,
			    const char *wanted, int value)
{
	struct kvm_run *run = vcpu->run;
	struct kvm_regs regs;

	lodge_vcpu_get_regs(vcpu, &regs);
	lodge_check(0,
		    "vCPU %u: wanted %s %d, got %d: rip %#llx rsp %#llx rax %#llx; io port %#x dir %u; mmio %#llx; hw %#llx; suberror %u",
		    vcpu->id, wanted, value, got, regs.rip, regs.rsp, regs.rax,
		    run->io.port, run->io.direction, run->mmio.phys_addr,
		    run->hw.hardware_exit_reason, run->internal.suberror);
}

/**
 * lodge_vcpu_expect - enter the guest and insist on an exit reason
 * @vcpu:   the vCPU
 * @reason: KVM_EXIT_*
 *
 * A signal that arrives meanwhile is not an exit: the guest is entered again.
 */
void lodge_vcpu_expect(struct lodge_vcpu *vcpu, int reason)
{
	int got;

	do {
		got = lodge_vcpu_run(vcpu);
	} while (got == -EINTR);
	if (got != reason)
		exit_unexpected(vcpu, got, "exit", reason);
}

/**
 * lodge_vcpu_expect_out - enter the guest and insist on one `out`
 * @vcpu: the vCPU
 * @port: its port
 *
 * Return: the value written, zero-extended.
 */
uint32_t lodge_vcpu_expect_out(struct lodge_vcpu *vcpu, uint16_t port)
{
	struct kvm_run *run = vcpu->run;
	uint32_t value = 0;

	lodge_vcpu_expect(vcpu, KVM_EXIT_IO);
	if (run->io.direction != KVM_EXIT_IO_OUT || run->io.port != port ||
	    run->io.count != 1)
		exit_unexpected(vcpu, KVM_EXIT_IO, "out to port", port);
	memcpy(&value, lodge_vcpu_pio_data(vcpu), run->io.size);
	return value;
}

/**
 * lodge_vcpu_pio_data - where the data of the current port exit is
 * @vcpu: the vCPU
 */
void *lodge_vcpu_pio_data(struct lodge_vcpu *vcpu)
{
	return (char *)vcpu->run + vcpu->run->io.data_offset;
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

/**
 * lodge_vcpu_get_msr - read one MSR
 * @vcpu:  the vCPU
 * @index: MSR number
 * @value: filled in if the MSR was read
 *
 * Return: 1 if it was read, 0 if refused, or -errno.
 */
int lodge_vcpu_get_msr(struct lodge_vcpu *vcpu, uint32_t index,
		       uint64_t *value)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry.index = index };
	int ret = lodge_vm_ioctl(vcpu->fd, KVM_GET_MSRS, &msr);

	if (ret == 1)
		*value = msr.entry.data;
	return ret;
}

/**
 * lodge_vcpu_set_msr - write one MSR
 * @vcpu:  the vCPU
 * @index: MSR number
 * @value: new value
 *
 * Return: 1 if it was written, 0 if refused, or -errno.
 */
int lodge_vcpu_set_msr(struct lodge_vcpu *vcpu, uint32_t index, uint64_t value)
{
	struct one_msr msr = {
		.head.nmsrs = 1,
		.entry = { .index = index, .data = value },
	};

	return lodge_vm_ioctl(vcpu->fd, KVM_SET_MSRS, &msr);
}

/**
 * lodge_vcpu_set_cpuid - give a vCPU every CPUID bit the device supports
 * @vcpu: the vCPU
 *
 * Once only: the list holds the APIC id of the CPU that it was made on, and
 * a vCPU that has run takes no other.
 */
void lodge_vcpu_set_cpuid(struct lodge_vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid;
	int dev;

	if (vcpu->has_cpuid)
		return;
	dev = lodge_dev_open();
	cpuid = calloc(1, sizeof(*cpuid) + VCPU_CPUID_ENTRIES *
			  sizeof(struct kvm_cpuid_entry2));
	cpuid->nent = VCPU_CPUID_ENTRIES;
	lodge_check(!ioctl(dev, KVM_GET_SUPPORTED_CPUID, cpuid),
		    "KVM_GET_SUPPORTED_CPUID");
	lodge_check(!ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	free(cpuid);
	close(dev);
	vcpu->has_cpuid = true;
}
