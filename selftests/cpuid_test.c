// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID: the protocol of the lists, and what the guest then sees.
 */
#include "lodge_test.h"

#define MAX 256

struct list {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[MAX + 1];
};

FIXTURE(cpuid) {
	struct lodge_guest guest;
	int dev;
	struct list *list;
};

FIXTURE_SETUP(cpuid)
{
	/* The list holds the APIC id of the CPU that it is made on. */
	lodge_host_pin(0);
	lodge_guest_setup(&self->guest);
	self->dev = lodge_dev_open();
	self->list = calloc(1, sizeof(*self->list));
	self->list->head.nent = MAX;
	ASSERT_EQ(0, ioctl(self->dev, KVM_GET_SUPPORTED_CPUID, self->list));
}

FIXTURE_TEARDOWN(cpuid)
{
	lodge_guest_teardown(&self->guest);
	close(self->dev);
	free(self->list);
}

static struct kvm_cpuid_entry2 *find(struct list *list, uint32_t function,
				     uint32_t index)
{
	unsigned int i;

	for (i = 0; i < list->head.nent; i++)
		if (list->entry[i].function == function &&
		    list->entry[i].index == index)
			return &list->entry[i];
	return NULL;
}

TEST_F(cpuid, too_short_a_list_is_e2big)
{
	struct list list = { 0 };
	unsigned int nent;

	ASSERT_LT(8, self->list->head.nent);
	ASSERT_GT(MAX, self->list->head.nent);
	for (nent = 0; nent < self->list->head.nent; nent++) {
		list.head.nent = nent;
		ASSERT_EQ(-E2BIG, lodge_vm_ioctl(self->dev,
						 KVM_GET_SUPPORTED_CPUID,
						 &list));
	}
	list.head.nent = self->list->head.nent;
	ASSERT_EQ(0, lodge_vm_ioctl(self->dev, KVM_GET_SUPPORTED_CPUID,
				    &list));
	list.head.nent = self->list->head.nent + 1;
	ASSERT_EQ(0, lodge_vm_ioctl(self->dev, KVM_GET_SUPPORTED_CPUID,
				    &list));
	ASSERT_EQ(self->list->head.nent, list.head.nent);
}

TEST_F(cpuid, leaves_that_clients_need_are_there)
{
	static const uint32_t leaf[] = {
		0, 1, 7, 0xd, 0x80000000, 0x80000001, 0x80000005, 0x80000006,
		0x80000008,
	};
	unsigned int i;

	for (i = 0; i < sizeof(leaf) / sizeof(*leaf); i++) {
		ASSERT_NE(NULL, find(self->list, leaf[i], 0)) {
			TH_LOG("%#x", leaf[i]);
		}
	}
	ASSERT_LE(0xd, find(self->list, 0, 0)->eax);
	ASSERT_LE(0x80000008, find(self->list, 0x80000000, 0)->eax);
}

TEST_F(cpuid, features_the_host_lacks_are_not_offered)
{
	struct kvm_cpuid_entry2 *e = find(self->list, 1, 0);
	uint32_t a, b, c, d;

	/* x2APIC, TSC deadline and HYPERVISOR are software's to give. */
	asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d)
		     : "a"(1), "c"(0));
	ASSERT_EQ(0, e->ecx & ~c & ~(1U << 21 | 1U << 24 | 1U << 31));
	ASSERT_EQ(0, e->edx & ~d);
	asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d)
		     : "a"(0xd), "c"(0));
	e = find(self->list, 0xd, 0);
	ASSERT_EQ(0, e->eax & ~a);
}

TEST_F(cpuid, the_list_can_be_given_to_a_vcpu_and_read_back)
{
	struct list back = { .head.nent = MAX };
	unsigned int i;

	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_SET_CPUID2,
				    self->list));
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_GET_CPUID2,
				    &back));
	ASSERT_EQ(self->list->head.nent, back.head.nent);
	for (i = 0; i < back.head.nent; i++) {
		struct kvm_cpuid_entry2 *a = &self->list->entry[i];
		struct kvm_cpuid_entry2 *b = &back.entry[i];

		ASSERT_EQ(a->function, b->function);
		ASSERT_EQ(a->index, b->index);
		ASSERT_EQ(a->eax, b->eax) TH_LOG("%#x", a->function);
	}
}

TEST_F(cpuid, read_back_needs_room)
{
	struct list back = { 0 };

	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_SET_CPUID2,
				    self->list));
	back.head.nent = self->list->head.nent - 1;
	ASSERT_EQ(-E2BIG, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_GET_CPUID2,
					 &back));
	back.head.nent = self->list->head.nent;
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_GET_CPUID2,
				    &back));
	back.head.nent = MAX;
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_GET_CPUID2,
				    &back));
	ASSERT_EQ(self->list->head.nent, back.head.nent);
}

TEST_F(cpuid, too_long_a_list_is_refused)
{
	self->list->head.nent = MAX + 1;
	ASSERT_EQ(-E2BIG, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_SET_CPUID2,
					 self->list));
	self->list->head.nent = -1;
	ASSERT_EQ(-E2BIG, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_SET_CPUID2,
					 self->list));
}

LODGE_GUEST64(ask, "cpuid\n hlt\n");

static void guest_cpuid(struct lodge_guest *guest, uint32_t function,
			uint32_t index, struct kvm_regs *regs)
{
	lodge_guest_set_ip(&guest->vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_get_regs(&guest->vcpu, regs);
	regs->rax = 0xffffffff00000000ULL | function;
	regs->rcx = 0xffffffff00000000ULL | index;
	regs->rbx = -1;
	regs->rdx = -1;
	lodge_vcpu_set_regs(&guest->vcpu, regs);
	lodge_vcpu_expect(&guest->vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(&guest->vcpu, regs);
}

TEST_F(cpuid, the_guest_sees_what_was_set)
{
	struct kvm_regs r;
	struct kvm_cpuid_entry2 *e;
	unsigned int i;

	lodge_guest_start(&self->guest, 64, ask);
	for (i = 0; i < self->list->head.nent; i++) {
		e = &self->list->entry[i];
		if (e->function == 1 || e->function == 7 || e->function == 0xd)
			continue;	/* parts follow the vCPU's state */
		guest_cpuid(&self->guest, e->function, e->index, &r);
		ASSERT_EQ(e->eax, r.rax) TH_LOG("%#x", e->function);
		ASSERT_EQ(e->ebx, r.rbx);
		ASSERT_EQ(e->ecx, r.rcx);
		ASSERT_EQ(e->edx, r.rdx);
	}
}

TEST_F(cpuid, values_are_the_callers)
{
	struct kvm_cpuid_entry2 *e = find(self->list, 0x80000002, 0);
	struct kvm_regs r;

	lodge_guest_start(&self->guest, 64, ask);
	ASSERT_NE(NULL, e);
	memcpy(&e->eax, "Lodge's guest", 13);
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_SET_CPUID2,
				    self->list));
	guest_cpuid(&self->guest, 0x80000002, 0, &r);
	ASSERT_EQ(e->eax, r.rax);
	ASSERT_EQ(e->ebx, r.rbx);
	ASSERT_EQ(e->ecx, r.rcx);
}

TEST_F(cpuid, leaves_out_of_range_are_zero)
{
	static const uint32_t leaf[] = { 0x20000000, 0x70000000, 0x90000000 };
	struct kvm_regs r;
	unsigned int i;

	lodge_guest_start(&self->guest, 64, ask);
	for (i = 0; i < 3; i++) {
		guest_cpuid(&self->guest, leaf[i], 0, &r);
		ASSERT_EQ(0, r.rax | r.rbx | r.rcx | r.rdx);
	}
}

TEST_F(cpuid, osxsave_follows_cr4)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	lodge_guest_start(&self->guest, 64, ask);
	if (!(find(self->list, 1, 0)->ecx & 1U << 26))
		SKIP(return, "no XSAVE in this virtual host");
	guest_cpuid(&self->guest, 1, 0, &r);
	ASSERT_EQ(0, r.rcx & 1U << 27);
	lodge_vcpu_get_sregs(&self->guest.vcpu, &s);
	s.cr4 |= 1 << 18;
	ASSERT_EQ(0, lodge_vcpu_set_sregs(&self->guest.vcpu, &s));
	guest_cpuid(&self->guest, 1, 0, &r);
	ASSERT_NE(0, r.rcx & 1U << 27);
}

TEST_F(cpuid, it_is_fixed_once_the_vcpu_has_run)
{
	struct kvm_regs r;

	lodge_guest_start(&self->guest, 64, ask);
	guest_cpuid(&self->guest, 0, 0, &r);
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_SET_CPUID2,
				    self->list));
	find(self->list, 1, 0)->eax ^= 1;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_SET_CPUID2,
					  self->list));
}

TEST_F(cpuid, a_vcpu_without_cpuid_has_none)
{
	struct list back = { .head.nent = MAX };

	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_GET_CPUID2,
				    &back));
	ASSERT_EQ(0, back.head.nent);
}

TEST_F(cpuid, pointers_are_checked)
{
	ASSERT_EQ(-EFAULT, lodge_vm_ioctl(self->dev, KVM_GET_SUPPORTED_CPUID,
					  NULL));
	ASSERT_EQ(-EFAULT, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_SET_CPUID2,
					  (void *)8));
	ASSERT_EQ(-EFAULT, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_GET_CPUID2,
					  (void *)8));
}

LODGE_TEST_MAIN
