/** The specification that the form starts with: runs as it stands, on data that the cloud generates. */
export const defaultSpec = `version: 1
name: first-light

# cifar10, cifar100, synthetic, or a path on the
# cloud's machine: a folder or zip of images by class
data: { source: synthetic }

# proxyless: by gradients, in minutes; eeea: by
# evolution of cells, in an hour or more
method: proxyless

# small: minutes on two cores; mobile-small: an hour
space: small

# 0: the fastest network of the space, 1: the slowest;
# or give milliseconds instead, e.g. budgetMs: 2.5
budgetFraction: 0.5

minutes: 10
threads: 1
seed: 0
`;
