// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_CHECK_EXTENSION tells the truth: what clients insist on is there, with
 * a value they accept; what is advertised works; everything else is 0.
 */
#include <limits.h>

#include "lodge_test.h"

FIXTURE(caps) {
	int dev;
	struct lodge_vm vm;
	struct lodge_vcpu vcpu;
};

FIXTURE_SETUP(caps)
{
	self->dev = lodge_dev_open();
	lodge_vm_create(&self->vm);
	lodge_vcpu_create(&self->vm, &self->vcpu, 0);
}

FIXTURE_TEARDOWN(caps)
{
	lodge_vcpu_destroy(&self->vcpu);
	lodge_vm_destroy(&self->vm);
	close(self->dev);
}

static int on_dev(int dev, long cap)
{
	return lodge_vm_ioctl(dev, KVM_CHECK_EXTENSION, (void *)cap);
}

/* What QEMU exits without, with the values that it accepts. */
static const struct wanted {
	const char *name;
	int cap, min, max;
} wanted[] = {
#define WANT(name, min, max) { #name, KVM_CAP_##name, min, max }
	WANT(USER_MEMORY, 1, 1),
	WANT(SET_TSS_ADDR, 1, 1),
	WANT(EXT_CPUID, 1, 1),
	WANT(NR_VCPUS, 1, INT_MAX),
	WANT(NR_MEMSLOTS, 32, 32767),
	WANT(MP_STATE, 1, 14),
	WANT(COALESCED_MMIO, 2, 2),	/* page of the ring in the mapping */
	WANT(SYNC_MMU, 1, 1),
	WANT(DESTROY_MEMORY_REGION_WORKS, 1, 1),
	WANT(SET_GUEST_DEBUG, 1, 1),
	WANT(IRQ_ROUTING, 25, 4096),
	WANT(JOIN_MEMORY_REGIONS_WORKS, 1, 1),
	WANT(MCE, 10, 32),
	WANT(IOEVENTFD, 1, 1),
	WANT(SET_IDENTITY_MAP_ADDR, 1, 1),
	WANT(ADJUST_CLOCK, 1, 15),
	WANT(INTERNAL_ERROR_DATA, 1, 1),
	WANT(VCPU_EVENTS, 1, 1),
	WANT(DEBUGREGS, 1, 1),
	WANT(X86_ROBUST_SINGLESTEP, 1, 1),
	WANT(XSAVE, 1, 1),
	WANT(XCRS, 1, 1),
	WANT(GET_TSC_KHZ, 1, 1),
	WANT(MAX_VCPUS, 1, 4096),
	WANT(SYNC_REGS, 7, 7),
	WANT(SIGNAL_MSI, 1, 1),
	WANT(READONLY_MEM, 1, 1),
	WANT(CHECK_EXTENSION_VM, 1, 1),
	WANT(IOEVENTFD_ANY_LENGTH, 1, 1),
	WANT(MAX_VCPU_ID, 1, 16384),
	WANT(IMMEDIATE_EXIT, 1, 1),
	WANT(COALESCED_PIO, 1, 1),
	WANT(SREGS2, 1, 1),
	WANT(BINARY_STATS_FD, 1, 1),
	WANT(XSAVE2, 0x240, 0x10000),
	WANT(SYS_ATTRIBUTES, 1, 1),
};

TEST_F(caps, what_clients_insist_on_is_there)
{
	unsigned int i;

	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		const struct wanted *w = &wanted[i];
		int value = on_dev(self->dev, w->cap);

		EXPECT_TRUE(value >= w->min && value <= w->max) {
			TH_LOG("KVM_CAP_%s is %d, not %d to %d", w->name,
			       value, w->min, w->max);
		}
		EXPECT_EQ(value, lodge_vm_check(&self->vm, w->cap)) {
			TH_LOG("KVM_CAP_%s", w->name);
		}
	}
}

TEST_F(caps, numbers_nobody_has_defined_are_zero)
{
	static const long number[] = {
		5, 13, 17, 18, 19, 20, 300, 1000, INT_MAX, INT_MIN, -1,
	};
	unsigned int i;

	for (i = 0; i < sizeof(number) / sizeof(*number); i++) {
		ASSERT_EQ(0, on_dev(self->dev, number[i])) {
			TH_LOG("%ld", number[i]);
		}
		ASSERT_EQ(0, lodge_vm_check(&self->vm, number[i]));
	}
}

TEST_F(caps, capabilities_of_other_processors_are_zero)
{
	static const int number[] = {
		KVM_CAP_PPC_PAPR, KVM_CAP_S390_UCONTROL, KVM_CAP_ARM_PSCI,
		KVM_CAP_S390_PROTECTED, KVM_CAP_PPC_MMU_RADIX,
		KVM_CAP_ARM_VM_IPA_SIZE, KVM_CAP_MIPS_VZ,
	};
	unsigned int i;

	for (i = 0; i < sizeof(number) / sizeof(*number); i++) {
		ASSERT_EQ(0, on_dev(self->dev, number[i]));
	}
}

/* A call that must succeed if the capability is advertised. */
struct truth {
	const char *name;
	int cap;
	bool on_vcpu;
	unsigned long request;
};

static const struct truth truth[] = {
#define VM_TRUTH(name, request) { #name, KVM_CAP_##name, false, request }
#define VCPU_TRUTH(name, request) { #name, KVM_CAP_##name, true, request }
	VCPU_TRUTH(MP_STATE, KVM_GET_MP_STATE),
	VCPU_TRUTH(VCPU_EVENTS, KVM_GET_VCPU_EVENTS),
	VCPU_TRUTH(DEBUGREGS, KVM_GET_DEBUGREGS),
	VCPU_TRUTH(XSAVE, KVM_GET_XSAVE),
	VCPU_TRUTH(XSAVE2, KVM_GET_XSAVE2),
	VCPU_TRUTH(XCRS, KVM_GET_XCRS),
	VCPU_TRUTH(SREGS2, KVM_GET_SREGS2),
	VCPU_TRUTH(USER_NMI, KVM_NMI),
	VM_TRUTH(ADJUST_CLOCK, KVM_GET_CLOCK),
	VM_TRUTH(IRQCHIP, KVM_CREATE_IRQCHIP),
};

TEST_F(caps, what_is_advertised_works)
{
	static uint64_t buffer[8192];
	unsigned int i;

	for (i = 0; i < sizeof(truth) / sizeof(*truth); i++) {
		const struct truth *t = &truth[i];
		int fd = t->on_vcpu ? self->vcpu.fd : self->vm.fd;
		int ret;

		if (lodge_vm_check(&self->vm, t->cap) <= 0)
			continue;
		/* The controller comes before the vCPUs. */
		if (t->cap == KVM_CAP_IRQCHIP) {
			struct lodge_vm vm;

			lodge_vm_create(&vm);
			fd = vm.fd;
		}
		memset(buffer, 0, sizeof(buffer));
		ret = lodge_vm_ioctl(fd, t->request, buffer);
		EXPECT_EQ(0, ret) TH_LOG("KVM_CAP_%s: %d", t->name, ret);
	}
}

TEST_F(caps, what_is_not_advertised_is_refused)
{
	unsigned int i;

	for (i = 0; i < sizeof(truth) / sizeof(*truth); i++) {
		const struct truth *t = &truth[i];
		int fd = t->on_vcpu ? self->vcpu.fd : self->vm.fd;

		if (lodge_vm_check(&self->vm, t->cap) > 0)
			continue;
		EXPECT_EQ(t->on_vcpu ? -EINVAL : -ENOTTY,
			  lodge_vm_ioctl(fd, t->request, NULL)) {
			TH_LOG("KVM_CAP_%s", t->name);
		}
	}
}

TEST_F(caps, tsc_frequency_works_in_both_places)
{
	ASSERT_LT(0, lodge_vm_ioctl(self->vcpu.fd, KVM_GET_TSC_KHZ, NULL));
	if (lodge_vm_check(&self->vm, KVM_CAP_VM_TSC_CONTROL) > 0) {
		ASSERT_LT(0, lodge_vm_ioctl(self->vm.fd, KVM_GET_TSC_KHZ,
					    NULL));
	}
}

TEST_F(caps, enabling_needs_a_known_capability_and_no_flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_USER_MEMORY };

	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
	cap.cap = 0x7fffffff;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
	cap.cap = KVM_CAP_EXCEPTION_PAYLOAD;
	cap.flags = 1;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
}

/* No capability may promise dirty tracking, controllers or VM kinds it lacks. */
TEST_F(caps, values_are_within_what_a_client_can_use)
{
	int ring = lodge_vm_check(&self->vm, KVM_CAP_DIRTY_LOG_RING);
	int spaces = lodge_vm_check(&self->vm, KVM_CAP_MULTI_ADDRESS_SPACE);
	int smm = lodge_vm_check(&self->vm, KVM_CAP_X86_SMM);
	int types = lodge_vm_check(&self->vm, KVM_CAP_VM_TYPES);
	int irqchip = lodge_vm_check(&self->vm, KVM_CAP_IRQCHIP);

	ASSERT_TRUE(ring == 0 || (ring >= 4096 && !(ring & (ring - 1))));
	ASSERT_EQ(smm > 0, spaces == 2);
	ASSERT_TRUE(types == 0 || types & 1);
	ASSERT_EQ(irqchip > 0, lodge_vm_check(&self->vm, KVM_CAP_IRQFD) > 0);
}

LODGE_TEST_MAIN
