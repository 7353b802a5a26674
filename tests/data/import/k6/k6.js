import http from 'k6/http';
import { check } from 'k6';
export const options = {
  vus: 2,
  iterations: 60,
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)', 'count'],
};
export default function () {
  const res = http.get('http://127.0.0.1:18099/');
  check(res, { 'status is 200': (r) => r.status === 200 });
  if (__ITER === 0) http.get('http://127.0.0.1:18099/nothing');
}
export function handleSummary(data) {
  return { 'k6-handle-summary.json': JSON.stringify(data, null, 2) };
}
