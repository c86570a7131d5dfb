// SPDX-License-Identifier: GPL-2.0
/*
 * The device file itself: version, sizes, VM creation, unknown requests.
 */
#include "lodge_test.h"

FIXTURE(dev) { int fd; };

FIXTURE_SETUP(dev)
{
	self->fd = lodge_dev_open();
}

FIXTURE_TEARDOWN(dev)
{
	close(self->fd);
}

#define DEV(request, arg) lodge_vm_ioctl(self->fd, request, (void *)(unsigned long)(arg))

TEST_F(dev, api_version_is_12)
{
	ASSERT_EQ(12, DEV(KVM_GET_API_VERSION, 0));
	ASSERT_EQ(-EINVAL, DEV(KVM_GET_API_VERSION, 1));
}

TEST_F(dev, vcpu_mapping_has_three_pages)
{
	ASSERT_EQ(3 * 4096, DEV(KVM_GET_VCPU_MMAP_SIZE, 0));
	ASSERT_EQ(-EINVAL, DEV(KVM_GET_VCPU_MMAP_SIZE, 1));
}

TEST_F(dev, read_only_descriptor_is_enough)
{
	int fd = open(lodge_dev_path(), O_RDONLY | O_CLOEXEC);
	struct lodge_vm vm;

	ASSERT_LE(0, fd);
	ASSERT_EQ(12, lodge_vm_ioctl(fd, KVM_GET_API_VERSION, NULL));
	vm.fd = lodge_vm_ioctl(fd, KVM_CREATE_VM, NULL);
	ASSERT_LE(0, vm.fd);
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, lodge_vm_set_region(&vm, 0, 0, 0, 4096, (void *)0x10000));
}

TEST_F(dev, only_offered_vm_types_are_made)
{
	int types = DEV(KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);
	int type, fd;

	if (types <= 0)
		types = 1;
	for (type = 0; type < 64; type++) {
		fd = DEV(KVM_CREATE_VM, type);
		if (type < 32 && types & 1U << type) {
			ASSERT_LE(0, fd) TH_LOG("type %d", type);
			close(fd);
		} else {
			ASSERT_EQ(-EINVAL, fd) TH_LOG("type %d", type);
		}
	}
	ASSERT_EQ(-EINVAL, DEV(KVM_CREATE_VM, -1L));
}

TEST_F(dev, unknown_requests_are_told_apart_by_file)
{
	struct lodge_vcpu vcpu;
	struct lodge_vm vm;
	int nr;

	lodge_vm_create(&vm);
	lodge_vcpu_create(&vm, &vcpu, 0);
	for (nr = 0; nr < 4; nr++) {
		unsigned long request = _IO(KVMIO, 0xf8 + nr);

		ASSERT_EQ(-EINVAL, DEV(request, 0));
		ASSERT_EQ(-ENOTTY, lodge_vm_ioctl(vm.fd, request, NULL));
		ASSERT_EQ(-EINVAL, lodge_vm_ioctl(vcpu.fd, request, NULL));
	}
	/* Requests of another file are unknown as well. */
	ASSERT_EQ(-EINVAL, DEV(KVM_CREATE_VCPU, 0));
	ASSERT_EQ(-EINVAL, DEV(KVM_RUN, 0));
	ASSERT_EQ(-ENOTTY, lodge_vm_ioctl(vm.fd, KVM_RUN, NULL));
	ASSERT_EQ(-ENOTTY, lodge_vm_ioctl(vm.fd, KVM_GET_API_VERSION, NULL));
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(vcpu.fd, KVM_CREATE_VCPU, NULL));
	/* So are those of other kinds of files. */
	ASSERT_EQ(-EINVAL, DEV(_IO('T', 1), 0));
	ASSERT_EQ(-ENOTTY, lodge_vm_ioctl(vm.fd, _IO('T', 1), NULL));
}

TEST_F(dev, vcpu_numbers)
{
	struct lodge_vcpu a, b;
	struct lodge_vm vm;
	int max;

	lodge_vm_create(&vm);
	max = lodge_vm_check(&vm, KVM_CAP_MAX_VCPU_ID);
	ASSERT_LE(lodge_vm_check(&vm, KVM_CAP_MAX_VCPUS), max);
	lodge_vcpu_create(&vm, &a, 0);
	ASSERT_EQ(-EEXIST, lodge_vm_ioctl(vm.fd, KVM_CREATE_VCPU, NULL));
	lodge_vcpu_create(&vm, &b, 1);
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(vm.fd, KVM_CREATE_VCPU,
					  (void *)(long)max));
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(vm.fd, KVM_CREATE_VCPU,
					  (void *)-1L));
	/* A number stays taken as long as the VM lives. */
	lodge_vcpu_destroy(&b);
	ASSERT_EQ(-EEXIST, lodge_vm_ioctl(vm.fd, KVM_CREATE_VCPU, (void *)1));
}

TEST_F(dev, vcpu_outlives_the_vm_descriptor)
{
	struct lodge_guest guest;
	struct kvm_regs regs;

	lodge_guest_setup(&guest);
	memcpy(guest.vm.mem + LODGE_GUEST_CODE, "\xf4\xf4", 2);
	lodge_guest_long(&guest.vcpu, LODGE_GUEST_CODE);
	lodge_vm_destroy(&guest.vm);
	lodge_vcpu_expect(&guest.vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(&guest.vcpu, &regs);
	ASSERT_EQ(LODGE_GUEST_CODE + 1, regs.rip);
}

TEST_F(dev, mce_banks_are_offered)
{
	uint64_t cap = 0;

	ASSERT_LE(10, DEV(KVM_CHECK_EXTENSION, KVM_CAP_MCE));
	ASSERT_EQ(0, DEV(KVM_X86_GET_MCE_CAP_SUPPORTED, &cap));
	ASSERT_EQ(0, cap & 0xff);		/* the count is the caller's */
	ASSERT_NE(0, cap & 0x100);		/* MCG_CTL_P */
	ASSERT_EQ(-EFAULT, DEV(KVM_X86_GET_MCE_CAP_SUPPORTED, 8));
}

TEST_F(dev, device_attributes_report_the_xcr0_mask)
{
	uint64_t mask = 0;
	struct kvm_device_attr attr = {
		.group = 0, .attr = KVM_X86_XCOMP_GUEST_SUPP,
		.addr = (uintptr_t)&mask,
	};

	lodge_dev_require_ext(KVM_CAP_SYS_ATTRIBUTES,
			      "KVM_CAP_SYS_ATTRIBUTES");
	ASSERT_EQ(0, DEV(KVM_HAS_DEVICE_ATTR, &attr));
	ASSERT_EQ(0, DEV(KVM_GET_DEVICE_ATTR, &attr));
	ASSERT_EQ(3, mask & 3);
	attr.attr = 99;
	ASSERT_EQ(-ENXIO, DEV(KVM_HAS_DEVICE_ATTR, &attr));
	ASSERT_EQ(-ENXIO, DEV(KVM_GET_DEVICE_ATTR, &attr));
	attr.attr = KVM_X86_XCOMP_GUEST_SUPP;
	attr.group = 5;
	ASSERT_EQ(-ENXIO, DEV(KVM_GET_DEVICE_ATTR, &attr));
	attr.group = 0;
	attr.addr = 8;
	ASSERT_EQ(-EFAULT, DEV(KVM_GET_DEVICE_ATTR, &attr));
}

LODGE_TEST_MAIN
