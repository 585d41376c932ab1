// Linear algebra on Vars (see tensor/linalg.h for what each op means), differentiable to any order. Two have no rule:
// lu, whose factors nothing here needs as such (of det A and A⁻¹ b there are slogdet and solve), and eigh_tridiagonal,
// which serves Lanczos, where nothing is differentiated through.
//
// The rules are in the paper of M. Giles, "An extended collection of matrix derivative results for forward and reverse
// mode algorithmic differentiation" (2008), but for QR, which is in S. Walter, L. Lehmann, "Algorithmic differentiation
// of linear algebra functions with application in optimum experimental design" (2010).
#pragma once

#include "autograd/var.h"
#include "tensor/linalg.h"

namespace bijou {

SignAndLog<Var> slogdet(const Var& a);  // the sign is a constant
Var inverse(const Var& a);
Var solve(const Var& a, const Var& b);
Var solve_triangular(const Var& a, const Var& b, TriangularOptions options = {});

// Of a symmetric A. Only one triangle is read, but the gradient is shared out between both.
Var cholesky(const Var& a);
// The eigenvectors' gradient is finite where all eigenvalues differ, and has a meaning for losses that don't change
// with the vectors' signs.
Eigenpairs<Var> eigh(const Var& a);

// A, or its first m columns where it is wide, has full rank.
Qr<Var> qr(const Var& a);

}  // namespace bijou
