// SPDX-License-Identifier: GPL-2.0
/*
 * The smaller pieces of vCPU and VM state: debug registers, pending events,
 * MP state, clock, time-stamp counter, address translation.
 */
#include <time.h>

#include "lodge_test.h"

LODGE_GUEST_FIXTURE(state);

#define VCPU(request, arg) \
	lodge_vm_ioctl(self->guest.vcpu.fd, request, arg)
#define VM(request, arg) lodge_vm_ioctl(self->guest.vm.fd, request, arg)

LODGE_GUEST64(read_debug,
	"mov %dr0, %rax\n mov %dr3, %rbx\n mov %dr6, %rcx\n mov %dr7, %rdx\n"
	"mov $0x5555, %esi\n mov %rsi, %dr1\n"
	"hlt\n");

TEST_F(state, debug_registers_are_kept_and_seen)
{
	struct kvm_debugregs d, back;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, read_debug);
	ASSERT_EQ(0, VCPU(KVM_GET_DEBUGREGS, &d));
	ASSERT_EQ(0xffff0ff0, d.dr6);
	ASSERT_EQ(0x400, d.dr7);
	d.db[0] = 0x123456;
	d.db[3] = 0x7fff12345678;
	d.dr6 = 0xffff4ff0;
	d.dr7 = 0x700;
	ASSERT_EQ(0, VCPU(KVM_SET_DEBUGREGS, &d));
	ASSERT_EQ(0, VCPU(KVM_GET_DEBUGREGS, &back));
	ASSERT_EQ(0, memcmp(&d, &back, sizeof(d)));
	lodge_vcpu_expect(&self->guest.vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(&self->guest.vcpu, &regs);
	ASSERT_EQ(d.db[0], regs.rax);
	ASSERT_EQ(d.db[3], regs.rbx);
	ASSERT_EQ(d.dr6, regs.rcx);
	ASSERT_EQ(d.dr7, regs.rdx);
	ASSERT_EQ(0, VCPU(KVM_GET_DEBUGREGS, &back));
	ASSERT_EQ(0x5555, back.db[1]);
}

TEST_F(state, illegal_debug_registers_are_refused)
{
	struct kvm_debugregs good, d;

	ASSERT_EQ(0, VCPU(KVM_GET_DEBUGREGS, &good));
	d = good;
	d.dr6 |= 1ULL << 32;
	ASSERT_EQ(-EINVAL, VCPU(KVM_SET_DEBUGREGS, &d));
	d = good;
	d.dr7 |= 1ULL << 40;
	ASSERT_EQ(-EINVAL, VCPU(KVM_SET_DEBUGREGS, &d));
	d = good;
	d.flags = 1;
	ASSERT_EQ(-EINVAL, VCPU(KVM_SET_DEBUGREGS, &d));
	ASSERT_EQ(0, VCPU(KVM_SET_DEBUGREGS, &good));
}

LODGE_GUEST64(watched,
	"mov $0x40000, %eax\n mov %rax, %dr0\n"
	"mov $0xd0402, %eax\n mov %rax, %dr7\n"	/* DR0: write, 4 bytes */
	"mov $0x40000, %edi\n"
	"movl $1, (%rdi)\n"
	"nop\n hlt\n");

TEST_F(state, the_guests_own_watchpoint_traps_in_the_guest)
{
	struct kvm_debugregs d;

	lodge_guest_start(&self->guest, 64, watched);
	ASSERT_EQ(1, lodge_vcpu_expect_out(&self->guest.vcpu,
					   LODGE_GUEST_TRAP_PORT));
	ASSERT_EQ(0, VCPU(KVM_GET_DEBUGREGS, &d));
	ASSERT_EQ(1, d.dr6 & 0xf);
}

LODGE_GUEST64(nops, "nop\n nop\n sti\n nop\n nop\n hlt\n");

TEST_F(state, a_stored_exception_is_delivered)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_vcpu_events e;
	struct kvm_regs regs;
	uint64_t code;

	lodge_guest_start(&self->guest, 64, nops);
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	ASSERT_EQ(0, e.exception.injected | e.interrupt.injected |
		     e.nmi.injected | e.nmi.pending);
	e.exception.injected = 1;
	e.exception.nr = 13;
	e.exception.has_error_code = 1;
	e.exception.error_code = 0x1234;
	ASSERT_EQ(0, VCPU(KVM_SET_VCPU_EVENTS, &e));
	memset(&e, 0, sizeof(e));
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	ASSERT_EQ(1, e.exception.injected);
	ASSERT_EQ(13, e.exception.nr);
	ASSERT_EQ(0x1234, e.exception.error_code);
	ASSERT_EQ(13, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
	lodge_vcpu_get_regs(vcpu, &regs);
	memcpy(&code, self->guest.vm.mem + regs.rsp, 8);
	ASSERT_EQ(0x1234, code);
}

TEST_F(state, a_stored_interrupt_is_delivered)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_vcpu_events e;

	lodge_guest_start(&self->guest, 64, nops);
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	e.interrupt.injected = 1;
	e.interrupt.nr = 0x55;
	ASSERT_EQ(0, VCPU(KVM_SET_VCPU_EVENTS, &e));
	ASSERT_EQ(0x55, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	ASSERT_EQ(0, e.interrupt.injected);
}

TEST_F(state, a_stored_nmi_is_delivered_unless_masked)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_vcpu_events e;

	lodge_guest_start(&self->guest, 64, nops);
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	e.nmi.masked = 1;
	e.nmi.pending = 1;
	e.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
	ASSERT_EQ(0, VCPU(KVM_SET_VCPU_EVENTS, &e));
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	ASSERT_EQ(1, e.nmi.pending);
	ASSERT_EQ(1, e.nmi.masked);
	e.nmi.masked = 0;
	lodge_guest_start(&self->guest, 64, nops);
	ASSERT_EQ(0, VCPU(KVM_SET_VCPU_EVENTS, &e));
	ASSERT_EQ(2, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	ASSERT_EQ(1, e.nmi.masked);
	ASSERT_EQ(0, e.nmi.pending);
}

TEST_F(state, a_stored_shadow_delays_the_window)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_vcpu_events e;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, nops);
	lodge_vcpu_get_regs(vcpu, &regs);
	regs.rflags |= 0x200;
	lodge_vcpu_set_regs(vcpu, &regs);
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	e.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	e.flags |= KVM_VCPUEVENT_VALID_SHADOW;
	ASSERT_EQ(0, VCPU(KVM_SET_VCPU_EVENTS, &e));
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	ASSERT_NE(0, e.interrupt.shadow);
	vcpu->run->request_interrupt_window = 1;
	lodge_vcpu_expect(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(LODGE_GUEST_CODE + 1, regs.rip);
}

TEST_F(state, illegal_events_are_refused)
{
	struct kvm_vcpu_events good, e;

	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &good));
	e = good;
	e.flags = 1U << 31;
	ASSERT_EQ(-EINVAL, VCPU(KVM_SET_VCPU_EVENTS, &e));
	e = good;
	e.exception.injected = 1;
	e.exception.nr = 32;
	ASSERT_EQ(-EINVAL, VCPU(KVM_SET_VCPU_EVENTS, &e));
	e.exception.nr = 2;
	ASSERT_EQ(-EINVAL, VCPU(KVM_SET_VCPU_EVENTS, &e));
	e = good;
	e.flags |= KVM_VCPUEVENT_VALID_PAYLOAD;	/* needs its capability */
	ASSERT_EQ(-EINVAL, VCPU(KVM_SET_VCPU_EVENTS, &e));
	e = good;
	e.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	ASSERT_EQ(-EINVAL, VCPU(KVM_SET_VCPU_EVENTS, &e));
	ASSERT_EQ(0, VCPU(KVM_SET_VCPU_EVENTS, &good));
}

TEST_F(state, a_stored_triple_fault_shuts_down)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_TRIPLE_FAULT_EVENT, .args[0] = 1,
	};
	struct kvm_vcpu_events e;

	lodge_dev_require_ext(KVM_CAP_X86_TRIPLE_FAULT_EVENT,
			      "KVM_CAP_X86_TRIPLE_FAULT_EVENT");
	ASSERT_EQ(0, VM(KVM_ENABLE_CAP, &cap));
	lodge_guest_start(&self->guest, 64, nops);
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	ASSERT_NE(0, e.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT);
	e.triple_fault.pending = 1;
	ASSERT_EQ(0, VCPU(KVM_SET_VCPU_EVENTS, &e));
	lodge_vcpu_expect(&self->guest.vcpu, KVM_EXIT_SHUTDOWN);
}

TEST_F(state, a_page_faults_payload_becomes_cr2)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_EXCEPTION_PAYLOAD, .args[0] = 1,
	};
	struct kvm_vcpu_events e;
	struct kvm_sregs s;

	lodge_dev_require_ext(KVM_CAP_EXCEPTION_PAYLOAD,
			      "KVM_CAP_EXCEPTION_PAYLOAD");
	ASSERT_EQ(0, VM(KVM_ENABLE_CAP, &cap));
	lodge_guest_start(&self->guest, 64, nops);
	ASSERT_EQ(0, VCPU(KVM_GET_VCPU_EVENTS, &e));
	ASSERT_NE(0, e.flags & KVM_VCPUEVENT_VALID_PAYLOAD);
	e.exception.pending = 1;
	e.exception.nr = 14;
	e.exception.has_error_code = 1;
	e.exception.error_code = 2;
	e.exception_has_payload = 1;
	e.exception_payload = 0xabc000;
	ASSERT_EQ(0, VCPU(KVM_SET_VCPU_EVENTS, &e));
	ASSERT_EQ(14, lodge_vcpu_expect_out(&self->guest.vcpu,
					    LODGE_GUEST_TRAP_PORT));
	lodge_vcpu_get_sregs(&self->guest.vcpu, &s);
	ASSERT_EQ(0xabc000, s.cr2);
}

TEST_F(state, mp_state_is_runnable_without_a_controller)
{
	struct kvm_mp_state mp = { .mp_state = 99 };
	unsigned int i;

	ASSERT_EQ(0, VCPU(KVM_GET_MP_STATE, &mp));
	ASSERT_EQ(KVM_MP_STATE_RUNNABLE, mp.mp_state);
	ASSERT_EQ(0, VCPU(KVM_SET_MP_STATE, &mp));
	for (i = KVM_MP_STATE_UNINITIALIZED; i < 12; i++) {
		mp.mp_state = i;
		ASSERT_EQ(-EINVAL, VCPU(KVM_SET_MP_STATE, &mp)) {
			TH_LOG("state %u", i);
		}
	}
	mp.mp_state = -1;
	ASSERT_EQ(-EINVAL, VCPU(KVM_SET_MP_STATE, &mp));
}

TEST_F(state, clock_can_be_set_and_moves_forward)
{
	struct kvm_clock_data a, b, set = { .clock = 1000000000000ULL };

	ASSERT_EQ(0, VM(KVM_GET_CLOCK, &a));
	usleep(20000);
	ASSERT_EQ(0, VM(KVM_GET_CLOCK, &b));
	ASSERT_LT(a.clock, b.clock);
	ASSERT_LE(15000000, b.clock - a.clock);
	ASSERT_EQ(0, a.flags & ~(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME |
				 KVM_CLOCK_HOST_TSC));
	ASSERT_EQ(0, VM(KVM_SET_CLOCK, &set));
	ASSERT_EQ(0, VM(KVM_GET_CLOCK, &a));
	ASSERT_LE(set.clock, a.clock);
	ASSERT_GT(set.clock + 2000000000ULL, a.clock);
	set.flags = 1U << 31;
	ASSERT_EQ(-EINVAL, VM(KVM_SET_CLOCK, &set));
}

LODGE_GUEST64(read_tsc,
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n hlt\n");

static uint64_t guest_tsc(struct lodge_guest *guest)
{
	struct kvm_regs regs;

	lodge_guest_set_ip(&guest->vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_expect(&guest->vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(&guest->vcpu, &regs);
	return regs.rax;
}

static uint64_t host_tsc(void)
{
	uint32_t low, high;

	asm volatile("lfence\n rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static int tsc_offset(struct lodge_vcpu *vcpu, unsigned long request,
		      uint64_t *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};

	return lodge_vm_ioctl(vcpu->fd, request, &attr);
}

TEST_F(state, tsc_offset_moves_the_guests_counter)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint64_t offset, back, before, seen, after, msr;

	lodge_guest_start(&self->guest, 64, read_tsc);
	ASSERT_EQ(0, tsc_offset(vcpu, KVM_HAS_DEVICE_ATTR, &offset));
	ASSERT_EQ(0, tsc_offset(vcpu, KVM_GET_DEVICE_ATTR, &offset));
	before = host_tsc();
	seen = guest_tsc(&self->guest);
	after = host_tsc();
	ASSERT_LE(before + offset, seen);
	ASSERT_LE(seen, after + offset);

	offset = (1ULL << 60) - host_tsc();
	ASSERT_EQ(0, tsc_offset(vcpu, KVM_SET_DEVICE_ATTR, &offset));
	ASSERT_EQ(0, tsc_offset(vcpu, KVM_GET_DEVICE_ATTR, &back));
	ASSERT_EQ(offset, back);
	before = host_tsc();
	seen = guest_tsc(&self->guest);
	ASSERT_EQ(1, lodge_vcpu_get_msr(vcpu, 0x10, &msr));
	after = host_tsc();
	ASSERT_LE(before + offset, seen);
	ASSERT_LE(seen, msr);
	ASSERT_LE(msr, after + offset);
}

TEST_F(state, tsc_attributes_are_checked)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint64_t offset = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = 7,
		.addr = (uintptr_t)&offset,
	};

	ASSERT_EQ(-ENXIO, VCPU(KVM_HAS_DEVICE_ATTR, &attr));
	ASSERT_EQ(-ENXIO, VCPU(KVM_GET_DEVICE_ATTR, &attr));
	ASSERT_EQ(-ENXIO, VCPU(KVM_SET_DEVICE_ATTR, &attr));
	attr.group = 9;
	ASSERT_EQ(-ENXIO, VCPU(KVM_GET_DEVICE_ATTR, &attr));
	ASSERT_EQ(-EFAULT, tsc_offset(vcpu, KVM_GET_DEVICE_ATTR, (void *)8));
	ASSERT_EQ(-EFAULT, tsc_offset(vcpu, KVM_SET_DEVICE_ATTR, (void *)8));
}

TEST_F(state, tsc_msr_write_moves_the_counter)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint64_t seen;

	lodge_guest_start(&self->guest, 64, read_tsc);
	ASSERT_EQ(1, lodge_vcpu_set_msr(vcpu, 0x10, 1ULL << 50));
	seen = guest_tsc(&self->guest);
	ASSERT_LE(1ULL << 50, seen);
	ASSERT_GT((1ULL << 50) + (1ULL << 36), seen);
}

TEST_F(state, tsc_frequency)
{
	int khz = VCPU(KVM_GET_TSC_KHZ, NULL);

	ASSERT_LT(100000, khz);
	ASSERT_EQ(0, VCPU(KVM_SET_TSC_KHZ, (void *)(long)khz));
	ASSERT_EQ(0, VCPU(KVM_SET_TSC_KHZ, NULL));	/* the host's */
	ASSERT_EQ(khz, VCPU(KVM_GET_TSC_KHZ, NULL));
}

static struct kvm_translation translate(struct lodge_vcpu *vcpu, uint64_t gva)
{
	struct kvm_translation t = { .linear_address = gva, .valid = 0x77 };

	lodge_check(!ioctl(vcpu->fd, KVM_TRANSLATE, &t), "KVM_TRANSLATE");
	return t;
}

TEST_F(state, translation_walks_the_guests_tables)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint64_t *pml4 = (void *)(self->guest.vm.mem + LODGE_GUEST_PML4);
	uint64_t *pt = (void *)(self->guest.vm.mem + 0xa000);
	struct kvm_translation t;

	ASSERT_EQ(0x12345678, translate(vcpu, 0x12345678).physical_address);
	ASSERT_EQ(1, translate(vcpu, 0x12345678).valid);
	lodge_guest_long(vcpu, LODGE_GUEST_CODE);
	pml4[0x100] = pml4[0];
	pt[3] = 0x77000 | 3;
	lodge_guest_map(&self->guest.vm, 0x40000000, 0xa000 | 3);
	t = translate(vcpu, 0xffff800000123456);
	ASSERT_EQ(1, t.valid);
	ASSERT_EQ(0x123456, t.physical_address);
	t = translate(vcpu, 0x40003abc);
	ASSERT_EQ(1, t.valid);
	ASSERT_EQ(0x77abc, t.physical_address);
	ASSERT_EQ(0, translate(vcpu, 0x40004abc).valid);
	ASSERT_EQ(0, translate(vcpu, 0x100000000).valid);
	ASSERT_EQ(-1ULL, translate(vcpu, 0x100000000).physical_address);
}

TEST_F(state, addresses_of_the_task_state_and_identity_map)
{
	uint64_t address = 0xfeffc000;

	ASSERT_EQ(0, VM(KVM_SET_TSS_ADDR, (void *)0xfeffd000));
	ASSERT_EQ(-EINVAL, VM(KVM_SET_TSS_ADDR, (void *)0xffffffff));
	/* The identity map is fixed once there are vCPUs. */
	ASSERT_EQ(-EINVAL, VM(KVM_SET_IDENTITY_MAP_ADDR, &address));
	lodge_vm_destroy(&self->guest.vm);
	lodge_vm_create(&self->guest.vm);
	ASSERT_EQ(0, VM(KVM_SET_IDENTITY_MAP_ADDR, &address));
	address = 0;
	ASSERT_EQ(0, VM(KVM_SET_IDENTITY_MAP_ADDR, &address));
	ASSERT_EQ(-EFAULT, VM(KVM_SET_IDENTITY_MAP_ADDR, (void *)8));
}

LODGE_TEST_MAIN
