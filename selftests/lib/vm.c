// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "dev.h"
#include "vm.h"

/**
 * lodge_vm_ioctl - ioctl with the error as a negative return value
 * @fd:      any file of the device under test
 * @request: ioctl number
 * @arg:     its argument
 *
 * Return: the ioctl's result, or -errno.
 */
int lodge_vm_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/**
 * lodge_vm_create - create a VM without memory, vCPUs or interrupt controller
 * @vm: filled in
 */
void lodge_vm_create(struct lodge_vm *vm)
{
	int dev = lodge_dev_open();
	int ret;

	do {
		vm->fd = lodge_vm_ioctl(dev, KVM_CREATE_VM, NULL);
	} while (vm->fd == -EINTR);
	lodge_check(vm->fd >= 0, "KVM_CREATE_VM gave %d", vm->fd);
	ret = lodge_vm_ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, NULL);
	lodge_check(ret >= (int)sizeof(struct kvm_run),
		    "KVM_GET_VCPU_MMAP_SIZE gave %d", ret);
	vm->run_size = ret;
	vm->mem = NULL;
	close(dev);
}

/**
 * lodge_vm_destroy - drop the caller's reference to a VM
 * @vm: from lodge_vm_create()
 *
 * Memory that the library mapped for it stays mapped.
 */
void lodge_vm_destroy(struct lodge_vm *vm)
{
	lodge_check(!close(vm->fd), "closing the VM");
	vm->fd = -1;
}

/**
 * lodge_vm_check - value of a capability on the VM's file
 * @vm:  the VM
 * @cap: KVM_CAP_*
 */
int lodge_vm_check(struct lodge_vm *vm, long cap)
{
	return lodge_vm_ioctl(vm->fd, KVM_CHECK_EXTENSION, (void *)cap);
}

/**
 * lodge_vm_set_region - KVM_SET_USER_MEMORY_REGION
 * @vm:    the VM
 * @slot:  slot number
 * @flags: KVM_MEM_*
 * @gpa:   first guest address, in bytes
 * @size:  bytes; 0 deletes the slot
 * @hva:   first host address
 *
 * Return: 0 or -errno.
 */
int lodge_vm_set_region(struct lodge_vm *vm, uint32_t slot, uint32_t flags,
			uint64_t gpa, uint64_t size, const void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return lodge_vm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

/**
 * lodge_vm_add_memory - give a VM fresh anonymous memory
 * @vm:    the VM
 * @slot:  slot number
 * @flags: KVM_MEM_*
 * @gpa:   first guest address, in bytes
 * @size:  bytes, a multiple of 4096
 *
 * Return: where the memory is mapped, aligned to 2 MiB.
 */
void *lodge_vm_add_memory(struct lodge_vm *vm, uint32_t slot, uint32_t flags,
			  uint64_t gpa, uint64_t size)
{
	const uintptr_t align = 2 << 20;
	char *raw = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *hva;
	int ret;

	lodge_check(raw != MAP_FAILED, "mapping %llu bytes",
		    (unsigned long long)size);
	hva = (char *)(((uintptr_t)raw + align - 1) & ~(align - 1));
	ret = lodge_vm_set_region(vm, slot, flags, gpa, size, hva);
	lodge_check(!ret, "slot %u at %#llx: %d", slot,
		    (unsigned long long)gpa, ret);
	return hva;
}
