// SPDX-License-Identifier: GPL-2.0
/*
 * Which vCPU ids a VM takes, and which vCPU is the one that boots.
 */
#include "lodge_test.h"

#define APIC_BASE_BSP (1 << 8)

FIXTURE(ids) {
	struct lodge_vm vm;
};

FIXTURE_SETUP(ids)
{
	lodge_vm_create(&self->vm);
}

FIXTURE_TEARDOWN(ids)
{
	lodge_vm_destroy(&self->vm);
}

static int set_boot_id(struct lodge_vm *vm, unsigned long id)
{
	return lodge_vm_ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, (void *)id);
}

static int set_max_id(struct lodge_vm *vm, uint64_t max, uint32_t flags)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MAX_VCPU_ID, .flags = flags, .args = { max },
	};

	return lodge_vm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static int create(struct lodge_vm *vm, unsigned long id)
{
	int fd = lodge_vm_ioctl(vm->fd, KVM_CREATE_VCPU, (void *)id);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static bool boots(struct lodge_vm *vm, unsigned int id)
{
	struct lodge_vcpu vcpu;
	struct kvm_sregs sregs;

	lodge_vcpu_create(vm, &vcpu, id);
	lodge_vcpu_get_sregs(&vcpu, &sregs);
	lodge_vcpu_destroy(&vcpu);
	return sregs.apic_base & APIC_BASE_BSP;
}

TEST_F(ids, the_first_boots)
{
	EXPECT_TRUE(boots(&self->vm, 0));
	EXPECT_FALSE(boots(&self->vm, 1));
}

TEST_F(ids, another_can_be_chosen)
{
	ASSERT_EQ(0, set_boot_id(&self->vm, 1));
	EXPECT_FALSE(boots(&self->vm, 0));
	EXPECT_TRUE(boots(&self->vm, 1));
}

TEST_F(ids, the_choice_comes_before_the_vcpus)
{
	ASSERT_EQ(0, create(&self->vm, 0));
	EXPECT_EQ(-EBUSY, set_boot_id(&self->vm, 1));
}

TEST_F(ids, the_choice_is_an_id)
{
	long max = lodge_vm_check(&self->vm, KVM_CAP_MAX_VCPU_ID);

	EXPECT_EQ(-EINVAL, set_boot_id(&self->vm, max + 1));
}

TEST_F(ids, a_limit_is_kept)
{
	ASSERT_EQ(0, set_max_id(&self->vm, 5, 0));
	EXPECT_EQ(-EINVAL, create(&self->vm, 5));
	EXPECT_EQ(0, create(&self->vm, 4));
}

TEST_F(ids, a_limit_is_given_once)
{
	long max = lodge_vm_check(&self->vm, KVM_CAP_MAX_VCPU_ID);

	EXPECT_EQ(-EINVAL, set_max_id(&self->vm, max + 1, 0));
	EXPECT_EQ(-EINVAL, set_max_id(&self->vm, 5, 1));
	ASSERT_EQ(0, set_max_id(&self->vm, 5, 0));
	EXPECT_EQ(0, set_max_id(&self->vm, 5, 0));
	EXPECT_EQ(-EINVAL, set_max_id(&self->vm, 6, 0));
	EXPECT_EQ(-EINVAL, set_boot_id(&self->vm, 6));
}

TEST_F(ids, no_limit_below_the_vcpu_that_boots)
{
	ASSERT_EQ(0, set_boot_id(&self->vm, 7));
	EXPECT_EQ(-EINVAL, set_max_id(&self->vm, 5, 0));
}

LODGE_TEST_MAIN
