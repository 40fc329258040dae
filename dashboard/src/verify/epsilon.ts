// ε of a query's ρ at δ, as core/accounting.py computes and publishes it: Canonne, Kamath and Steinke
// 2020, Proposition 12, minimised over the order, rounded up to 2 decimals.

/** ε at `delta` of so many nano-ρ (1e-9), as it is published. */
export function publishedEpsilon(rhoNano: number, delta: number): number {
  if (rhoNano <= 0) return 0;
  const rho = rhoNano / 1e9;
  const epsilon = (logExcess: number): number => {
    const alpha = 1 + Math.exp(logExcess);
    return alpha * rho + Math.log1p(-1 / alpha) - Math.log(delta * alpha) / (alpha - 1);
  };
  let [low, high] = [Math.log(0.01), Math.log(1e9)];
  for (let round = 0; round < 200; round++) {
    const third = (high - low) / 3;
    if (epsilon(low + third) < epsilon(high - third)) high -= third;
    else low += third;
  }
  return Math.ceil(Math.max(0, epsilon((low + high) / 2)) * 100) / 100;
}
