// SPDX-License-Identifier: GPL-2.0
/*
 * IN and OUT. String forms are the emulator's (mmio.c).
 */
#include <linux/string.h>

#include "io_bus.h"
#include "pio.h"
#include "regs.h"
#include "trace_x86.h"
#include "vcpu.h"
#include "vm.h"

/* EXITINFO1 of an IOIO intercept. */
#define IOIO_IN		BIT_ULL(0)
#define IOIO_STRING	BIT_ULL(2)
#define IOIO_SIZE(info)	(((info) >> 4) & 7)
#define IOIO_PORT(info)	((u16)((info) >> 16))

/* QEMU's option ROM expects this port's OUT to be over when user space sees it; KVM does the same by default. */
#define PORT_VAPIC	0x7e

/**
 * lodge_pio_exit() - ask user space for a port access
 * @vcpu: the vCPU; arch.pio says what
 *
 * For OUT the data is in the PIO page already. Context: the vCPU's thread.
 * Return: LODGE_EXIT_TO_USER.
 */
int lodge_pio_exit(struct lodge_vcpu *vcpu)
{
	struct lodge_pio_state *pio = &vcpu->arch.pio;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = pio->in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = pio->size;
	run->io.port = pio->port;
	run->io.count = pio->count;
	run->io.data_offset = LODGE_PIO_PAGE_OFFSET * PAGE_SIZE;
	return LODGE_EXIT_TO_USER;
}

/* What IN writes to RAX: 4 bytes clear the upper half, 1 and 2 keep the rest. */
static void set_rax(struct lodge_vcpu *vcpu, unsigned int size, u32 val)
{
	unsigned long *rax = &vcpu->arch.regs[LODGE_RAX];

	switch (size) {
	case 1:
		*rax = (*rax & ~0xfful) | (u8)val;
		break;
	case 2:
		*rax = (*rax & ~0xfffful) | (u16)val;
		break;
	default:
		*rax = val;
	}
}

/* User space may have moved rip (reset, state restored): then there is nothing left to finish. */
static int complete_port(struct lodge_vcpu *vcpu)
{
	struct lodge_pio_state *pio = &vcpu->arch.pio;
	u32 val = 0;

	if (pio->rip != lodge_x86_rip(vcpu))
		return LODGE_RESUME_GUEST;
	if (pio->in) {
		memcpy(&val, vcpu->pio_data, pio->size);
		set_rax(vcpu, pio->size, val);
	}
	lodge_x86_advance_rip(vcpu, pio->next_rip);
	return LODGE_RESUME_GUEST;
}

static bool try_bus(struct lodge_vcpu *vcpu, u64 info, u32 *val)
{
	unsigned int size = IOIO_SIZE(info);

	if (info & IOIO_IN)
		return !lodge_io_bus_read(vcpu, LODGE_PIO_BUS, IOIO_PORT(info), size, val);
	return !lodge_io_bus_write(vcpu, LODGE_PIO_BUS, IOIO_PORT(info), size, val);
}

static noinline bool do_in_kernel(struct lodge_vcpu *vcpu, u64 info, unsigned long next_rip)
{
	u32 val = vcpu->arch.regs[LODGE_RAX];
	bool done;
	int idx;

	idx = srcu_read_lock(&vcpu->vm->srcu);
	done = try_bus(vcpu, info, &val);
	srcu_read_unlock(&vcpu->vm->srcu, idx);
	if (!done)
		return false;
	if (info & IOIO_IN)
		set_rax(vcpu, IOIO_SIZE(info), val);
	lodge_x86_advance_rip(vcpu, next_rip);
	return true;
}

/**
 * lodge_pio_fast() - let a device in the kernel take an IN or OUT
 * @vcpu: the vCPU
 * @exit_info_1: as the processor gave it
 * @next_rip: where the instruction ends
 *
 * Context: any, takes the VM's SRCU. Return: true if the instruction is done.
 */
bool lodge_pio_fast(struct lodge_vcpu *vcpu, u64 exit_info_1, unsigned long next_rip)
{
	/* No device was ever on the bus. Who registers one at this moment is as if he came a moment later. */
	if (!rcu_access_pointer(vcpu->vm->buses[LODGE_PIO_BUS]))
		return false;
	return !(exit_info_1 & IOIO_STRING) && do_in_kernel(vcpu, exit_info_1, next_rip);
}

/* A loop over bytes, which is what memcpy() becomes here, takes longer. */
static void put_data(void *to, unsigned int size, u32 val)
{
	switch (size) {
	case 1:
		*(u8 *)to = val;
		break;
	case 2:
		*(u16 *)to = val;
		break;
	default:
		*(u32 *)to = val;
	}
}

/**
 * lodge_pio_handle() - an IN or OUT that no device in the kernel took
 * @vcpu: the vCPU
 * @exit_info_1: as the processor gave it
 * @next_rip: where the instruction ends
 *
 * Context: outer loop. Return: LODGE_EXIT_TO_USER; rip moves on when user space has answered.
 */
int lodge_pio_handle(struct lodge_vcpu *vcpu, u64 exit_info_1, unsigned long next_rip)
{
	struct lodge_pio_state *pio = &vcpu->arch.pio;

	pio->in = exit_info_1 & IOIO_IN;
	pio->port = IOIO_PORT(exit_info_1);
	pio->size = IOIO_SIZE(exit_info_1);
	pio->count = 1;
	pio->rip = lodge_x86_rip(vcpu);
	pio->next_rip = next_rip;

	if (!pio->in)
		put_data(vcpu->pio_data, pio->size, vcpu->arch.regs[LODGE_RAX]);
	if (!pio->in && pio->port == PORT_VAPIC) {
		lodge_x86_advance_rip(vcpu, next_rip);
	} else {
		vcpu->complete_userspace_io = complete_port;
	}
	trace_kvm_pio(!pio->in, pio->port, pio->size, 1, vcpu->pio_data);
	return lodge_pio_exit(vcpu);
}
