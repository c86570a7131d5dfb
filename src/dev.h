/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/lodge and the ioctls of the system file.
 */
#ifndef LODGE_DEV_H
#define LODGE_DEV_H

struct file;

int lodge_dev_init(void);
void lodge_dev_exit(void);
long lodge_dev_ioctl(struct file *file, unsigned int ioctl, unsigned long arg);

#endif
